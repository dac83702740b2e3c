/** The generator on a small description: what it reads, and what it writes of it. */
import { expect, test } from 'vitest';
import { readDescription } from './description.ts';
import { byFile, emitConstants, emitDeclarations, emitErrorNames, emitIndex } from './emit.ts';

const XML = `<api name='libvirt'><symbols>
<macro name='VIR_DOMAIN_X' file='libvirt-domain' string='x_bytes' version='1.0.0'>
<enum name='VIR_DOMAIN_ON' file='libvirt-domain' value='4' value_hex='0x4' type='virDomainFlags' version='1.0.0'/>
<enum name='VIR_DOMAIN_SAME' file='libvirt-domain' value='VIR_DOMAIN_ON' type='virDomainFlags' version='1.0.0'/>
<enum name='VIR_DOMAIN_FLAGS_LAST' file='libvirt-domain' value='5' type='virDomainFlags' version='1.0.0'/>
<enum name='VIR_ERR_OK' file='virterror' value='0' type='virErrorNumber' version='0.0.1' info='it&apos;s fine'/>
<struct name='virDomain' file='libvirt-domain' type='struct _virDomain' version='0.0.1'/>
<struct name='virInfo' file='libvirt-domain' type='struct _virInfo' version='0.0.1'><field name='a' type='int'/></struct>
<typedef name='virDomainFlags' file='libvirt-domain' type='enum' version='1.0.0'/>
<functype name='virCallback' file='libvirt-domain' module='libvirt-domain' version='1.0.0'><return type='void'/></functype>
<function name='virDomainAsk' file='libvirt-domain' module='libvirt-domain' version='1.2.3'>
  <info><![CDATA[Asks.]]></info><return type='int' info='0'/>
  <arg name='domain' type='virDomainPtr' info='one'/><arg name='name' type='const char *'/>
  <arg name='info' type='virInfoPtr'/><arg name='size' type='unsigned long long'/>
  <arg name='params' type='virTypedParameterPtr *'/><arg name='n' type='int *'/>
  <arg name='cb' type='virCallback'/><arg name='mode' type='virDomainFlags'/>
</function>
<function name='virDomainXML' file='libvirt-domain' module='libvirt-domain' version='0.1.0'>
  <return type='char *'/><arg name='domain' type='virDomainPtr'/>
</function>
<function name='virConnectListDomains' file='libvirt-domain' module='libvirt-domain' version='0.0.3'><return type='int'/></function>
</symbols></api>`;

const description = readDescription([XML]);

test('functions become an interface for TypeScript and a table for koffi', () => {
  const files = byFile(description);
  expect([...files.keys()]).toEqual(['domain']);
  const text = emitDeclarations('domain', files.get('domain')!, description);
  expect(text).toContain(
    'readonly virDomainAsk: CFunction<(domain: Handle, name: Text, info: Memory, size: Wide, ' +
      'params: OutPointer, n: OutNumber, cb: Handle, mode: number) => number>;',
  );
  expect(text).toContain(
    "virDomainAsk: ['1.2.3', 'int', 'domain: handle, name: string, info: memory, size: uint64, " +
      "params: out pointer, n: out int, cb: callback, mode: int'],",
  );
  expect(text).toContain('readonly virDomainXML: CFunction<(domain: Handle) => Pointer | null>;');
  expect(text).not.toContain('virConnectListDomains');
  expect(emitIndex(['domain'])).toContain('...DOMAIN_FUNCTIONS,');
});

test('constants keep their names, also those that are named after others; the ends of enums are left out', () => {
  const text = emitConstants(description);
  expect(text).toContain('export const VIR_DOMAIN_ON = 4;');
  expect(text).toContain('export const VIR_DOMAIN_SAME = 4;');
  expect(text).toContain("export const VIR_DOMAIN_X = 'x_bytes';");
  expect(text).not.toContain('_LAST');
  expect(emitErrorNames(description)).toContain("0: 'VIR_ERR_OK'");
});

test('a description that lacks something says where', () => {
  expect(() => readDescription(["<function name='f'><return type='int'/></function>"])).toThrow(
    "lacks 'module'",
  );
});
