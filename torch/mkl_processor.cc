// Libtorch's BLAS is Intel's MKL. It keeps its AVX-512 kernels to Intel's processors, which halves
// the speed of matrix products on AMD's that have the same units. Whether it runs on one of Intel's
// it asks this function, in place of which the dynamic linker takes ours; what the processor can do
// it finds out by itself, as ever. Processors without AVX-512 get what MKL has chosen for them.
//
// Thread safety: any.

extern "C" int mkl_serv_intel_cpu_true();

int mkl_serv_intel_cpu_true() {
  __builtin_cpu_init();
  return __builtin_cpu_is("intel") != 0 || __builtin_cpu_supports("avx512dq") != 0 ? 1 : 0;
}
