"""The one list of compiler flags that every target of ours names."""

ETA_COPTS = [
    "-std=c++20",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wno-missing-field-initializers",
    # A square root that may set errno is never vectorised, nor inlined.
    "-fno-math-errno",
]
