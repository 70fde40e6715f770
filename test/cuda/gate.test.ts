/** The rules of scripts/cuda-check.mjs: each passes on a good kernel and fails on one that breaks it. No nvcc needed. */
import { describe, expect, it } from 'vitest';

interface Result {
  ok: boolean;
  what: string;
}
const gate = await import(new URL('../../scripts/cuda-gate.mjs', import.meta.url).href);

const GOOD = `.version 9.0
.target sm_75
.visible .entry _Zgood(
	.param .u64 _Zgood_param_0
)
.maxntid 128, 2, 1
.minnctapersm 4
{
	ld.param.u64 	%rd1, [_Zgood_param_0];
	ld.global.nc.v4.f32 	{%f1, %f2, %f3, %f4}, [%rd1];
	ld.global.f64 	%fd1, [%rd1];
	add.rn.f32 	%f5, %f1, %f2;
	ret;
}
`;
const PTX = `${GOOD}.entry _Zbare()
{
	@%p1 add.rn.f64 	%fd1, %fd1, %fd1;
	fma.rn.f32 	%f1, %f1, %f1, %f1;
	ret;
}
`;

const ptxas = (stack: number, stores: number, used: string) => `ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function '_Zgood' for 'sm_80'
ptxas info    : Function properties for _Zgood
    ${stack} bytes stack frame, ${stores} bytes spill stores, ${stores} bytes spill loads
ptxas info    : Used ${used}
`;

const kernel = (changes: object = {}) => ({
  name: 'embedding_forward.cu: lookup',
  own: true,
  architecture: 80,
  registers: 64,
  shared: 0,
  stack: 0,
  spilled: 0,
  occupancy: 50,
  ...gate.parsePtx(PTX).get('_Zgood'),
  ...changes,
});
const broken = (changes: object, allowed?: object): string[] =>
  gate
    .checkKernel(kernel(changes), allowed)
    .filter(({ ok }: Result) => !ok)
    .map(({ what }: Result) => what);

describe('what is read', () => {
  it('registers, shared memory, stack and spills of ptxas', () => {
    expect(gate.parsePtxas(ptxas(8, 4, '84 registers, used 1 barriers, 35904 bytes smem, 429 bytes cmem[0]'))).toEqual([
      { mangled: '_Zgood', architecture: 80, registers: 84, shared: 35904, stack: 8, spilled: 8 },
    ]);
    expect(gate.parsePtxas(ptxas(0, 0, '18 registers, used 0 barriers'))[0]).toMatchObject({
      registers: 18,
      shared: 0,
    });
  });

  it('refuses output that it does not understand', () => {
    expect(() => gate.parsePtxas(ptxas(0, 0, 'many registers'))).toThrow(/compiled 1 kernels and told of 0/);
  });

  it('threads of a block, or none', () => {
    const kernels = gate.parsePtx(PTX);
    expect([...kernels.keys()]).toEqual(['_Zgood', '_Zbare']);
    expect(kernels.get('_Zgood').block).toBe(256);
    expect(kernels.get('_Zbare').block).toBe(0);
  });

  it('names, ours and those of a library', () => {
    const named = (plain: string) => gate.kernelName('a.cu', plain);
    expect(named('collide::cuda::(anonymous namespace)::lookup(collide::cuda::Arguments)')).toEqual({
      name: 'a.cu: lookup',
      own: true,
    });
    expect(named('void collide::cuda::sum<4, collide::cuda::Pair<(int)3> >(float*)').name).toBe(
      'a.cu: sum<4, Pair<(int)3> >',
    );
    expect(named('void cub::scan<int>(collide::cuda::Pair)').own).toBe(false);
  });

  it('architectures of a fat binary, of one file after another', () => {
    const entry = (kind: number, architecture: number, bytes: number) => {
      const whole = Buffer.alloc(64 + bytes);
      whole.writeUInt16LE(kind, 0);
      whole.writeUInt32LE(64, 4);
      whole.writeBigUInt64LE(BigInt(bytes), 8);
      whole.writeUInt32LE(architecture, 28);
      return whole;
    };
    const binary = (...entries: Buffer[]) => {
      const header = Buffer.alloc(16);
      header.writeUInt32LE(0xba55ed50, 0);
      header.writeUInt16LE(16, 6);
      header.writeBigUInt64LE(BigInt(Buffer.concat(entries).length), 8);
      return Buffer.concat([header, ...entries, Buffer.alloc(8)]);
    };
    const section = Buffer.concat([binary(entry(2, 90, 24), entry(1, 90, 8)), binary(entry(2, 75, 16))]);
    expect(gate.fatBinaryParts(section)).toEqual(['compute_90', 'sm_75', 'sm_90']);
  });
});

describe('a kernel', () => {
  it('that keeps all rules passes, a load of a double not being arithmetic', () => expect(broken({})).toEqual([]));

  it.each([
    ['stack', { stack: 8 }, /8 bytes of stack/],
    ['spilled registers', { spilled: 4 }, /4 spilled/],
    ['no register count', { registers: Number.NaN }, /stack/],
    ['no launch bounds', { block: 0 }, /0 threads a block/],
    ['occupancy below a half', { occupancy: 49.9 }, /occupancy 49.9 %/],
    ['a contracted multiply-add', { ptx: `${GOOD}\tfma.rn.f32 %f1, %f1, %f1, %f1;` }, /contracted/],
    ['float64', { ptx: `${GOOD}\n\tadd.f64 \t%fd1, %fd1, %fd1;` }, /float64/],
    ['row loads of 4 bytes', { ptx: GOOD.replace('.nc.v4', '.nc') }, /0 read-only row loads/],
    ['row loads past the read-only cache', { ptx: GOOD.replace('.nc.v4', '.v4') }, /0 read-only row loads/],
  ])('with %s fails', (_, changes, message) => {
    expect(broken(changes).join('\n')).toMatch(message);
  });

  it('may break a rule for a reason, that rule alone', () => {
    const changes = { occupancy: 30, ptx: `${GOOD}\n\tadd.f64 \t%fd1, %fd1, %fd1;` };
    expect(broken(changes, { occupancy: 'needs the registers' }).join()).toMatch(
      /^[^,]*, sm_80: 1 float64 instructions$/,
    );
    expect(broken(changes, { occupancy: 'a', float64: 'b' })).toEqual([]);
  });

  it('has no excuse for stack', () => expect(broken({ stack: 8 }, { stack: 'a', block: 'b' })).toHaveLength(1));

  it('may compute in float64 when it clusters', () => {
    const ptx = `${GOOD}\n\tadd.f64 \t%fd1, %fd1, %fd1;`;
    expect(broken({ name: 'agglomerate_state.cu: score', ptx })).toEqual([]);
  });

  it('of a library is held to stack and spills alone', () => {
    expect(broken({ own: false, occupancy: 10, block: 0 })).toEqual([]);
    expect(broken({ own: false, stack: 16 })).toHaveLength(1);
  });
});

describe('the baseline', () => {
  const before = gate.summary([kernel(), kernel({ architecture: 90 }), kernel({ own: false, name: 'a: cub' })]);
  const worse = (now: object) => gate.checkBaseline(now, before).filter(({ ok }: Result) => !ok);

  it('holds our kernels and passes the same and the better', () => {
    expect(Object.keys(before)).toEqual(['embedding_forward.cu: lookup']);
    expect(worse(before)).toEqual([]);
    expect(worse(gate.summary([kernel({ registers: 40 }), kernel({ architecture: 90, occupancy: 100 })]))).toEqual([]);
  });

  it.each([
    ['more registers', [kernel({ registers: 65 }), kernel({ architecture: 90 })]],
    ['more shared memory', [kernel(), kernel({ architecture: 90, shared: 16 })]],
    ['less occupancy', [kernel(), kernel({ architecture: 90, occupancy: 49 })]],
    ['another block', [kernel({ block: 128 }), kernel({ architecture: 90, block: 128 })]],
    ['an architecture less', [kernel()]],
    ['an architecture more', [kernel(), kernel({ architecture: 90 }), kernel({ architecture: 75 })]],
    ['a kernel less', []],
    ['a kernel more', [kernel(), kernel({ architecture: 90 }), kernel({ name: 'new.cu: kernel' })]],
  ])('fails with %s', (_, kernels) => expect(worse(gate.summary(kernels))).toHaveLength(1));

  it('lets a fat binary grow by a tenth', () => {
    expect(gate.checkSize(1100, 1000)[0].ok).toBe(true);
    expect(gate.checkSize(1101, 1000)[0].ok).toBe(false);
    expect(gate.checkSize(0, 1000)[0].ok).toBe(false);
  });
});
