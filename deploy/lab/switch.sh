#!/bin/sh
# Holds the network namespace with the bridge that joins the hosts of a lab; started inside a new network namespace.
# usage: switch.sh PID_FILE
set -eu
ip link add br0 type bridge
ip link set br0 up
echo $$ > "$1"
exec sleep infinity
