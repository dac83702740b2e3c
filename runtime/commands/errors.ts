/** What can go wrong with a log of commands beyond what goes wrong with any store. */
import { GridError } from '../errors.ts';

/** Another reader has opened the partition. */
export class CommandsTakenOver extends GridError {
  constructor(partition: number) {
    super('commands-taken-over', `partition ${partition} of the commands is read by another reader`, {
      hint: 'open it again if it is yours',
      retryable: true,
    });
  }
}

/** The log has another number of partitions than was asked for. */
export class PartitionsMismatch extends GridError {
  constructor(log: string, asked: number, existing: number) {
    super('partitions-mismatch', `the log ${log} has ${existing} partitions, not ${asked}`, {
      field: 'partitions',
      hint: `${existing}, as it was made; it is fixed because commands are found by it`,
    });
  }
}

export class NoSuchPartition extends GridError {
  constructor(partition: number, partitions: number) {
    super('no-such-partition', `there is no partition ${partition}`, {
      field: 'partition',
      hint: `0 to ${partitions - 1}`,
    });
  }
}
