/** What the NMI interrupted: all that decides whose registers the processor holds at that moment. */

import { GENERAL_REGISTER_COUNT } from "./register-numbers.ts";

/** Made once per processor and filled by each NMI. */
export class Interruption {
  /** user_mode() of the NMI's own registers: it interrupted the task's own code. A PEBS record has a mode of its own. */
  declare userMode: boolean;
  /** !user_64bit_mode(task_pt_regs(current)): the task runs 32-bit code, and the ABI word says so (perf_reg_abi()). */
  declare task32Bit: boolean;
  /** PF_KTHREAD: the task has no user registers. */
  declare kernelThread: boolean;
  /** The NMI hit the guest: it left it by an exit, and the vector registers are still the guest's. */
  declare guestMode: boolean;
  /** The host runs, but KVM has the guest's state in the registers (from kvm_load_guest_fpu() to kvm_put_guest_fpu()). */
  declare guestStateLoaded: boolean;
  /** Between kernel_fpu_begin() and kernel_fpu_end(): the vector registers are the kernel's. */
  declare inKernelFpu: boolean;
  /** TIF_NEED_FPU_LOAD: the task's registers are in its fpstate; what is live belongs to somebody else. */
  declare needFpuLoad: boolean;
  /** The NMI hit the entry code that was still writing the task's pt_regs: there are none to take. */
  declare ptRegsIncomplete: boolean;
  /** General registers of the interrupted code: pairs of words in perf's order, 0-23. */
  declare readonly general: Int32Array;
  /**
   * task_pt_regs(current): the task's general registers when it entered the kernel. Of these bx, bp and r12-r15 are
   * never shown: a sample has -1 there.
   */
  declare readonly taskGeneral: Int32Array;
  /**
   * The task's own fpstate: words of a compacted image, and its byte offset in them; -1 if it has none. While a guest's
   * state is loaded that is fpu->__task_fpstate: fpu->fpstate is the guest's then (fpu_swap_kvm_fpstate(); recalled, not read).
   */
  declare fpstate: Int32Array;
  declare fpstateOffset: number;

  constructor() {
    this.userMode = true;
    this.task32Bit = false;
    this.kernelThread = false;
    this.guestMode = false;
    this.guestStateLoaded = false;
    this.inKernelFpu = false;
    this.needFpuLoad = false;
    this.ptRegsIncomplete = false;
    this.general = new Int32Array(2 * GENERAL_REGISTER_COUNT);
    this.taskGeneral = new Int32Array(2 * GENERAL_REGISTER_COUNT);
    this.fpstate = new Int32Array(0);
    this.fpstateOffset = -1;
  }
}
