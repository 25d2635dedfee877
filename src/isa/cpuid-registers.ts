/** EAX, EBX, ECX, EDX as CPUID leaves them: unsigned 32-bit values. */
export type CpuidRegisters = readonly [eax: number, ebx: number, ecx: number, edx: number];
