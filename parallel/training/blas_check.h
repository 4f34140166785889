// Whether libtorch's matrix products are right when several threads make them at once. There are
// builds of OpenBLAS (for one thread only) with which they are not: about one in a thousand is
// wrong, without an error, and replicas would train on that.
#pragma once

namespace eta::parallel {

// Makes the same small product so many times and says how many differ. To be called by all ranks at
// the same time. Throws what libtorch throws.
int CountWrongProducts(int products);

// Enough to find out with a few replicas in most cases; some milliseconds.
inline constexpr int kProductsToCheck = 400;

}  // namespace eta::parallel
