"""A header that is compiled once for many sources."""

load("//bazel:copts.bzl", "ETA_COPTS")

def precompiled_header(name, source, deps):
    """Makes `source` the header NAME.h and, beside it, what g++ reads in its place: NAME.h.gch.

    Who depends on NAME and has the copts of `include_precompiled` reads it first. The object of a source that is compiled as
    `-x c++-header` is such a header, with the flags of the configuration. A compiler that cannot use it reads the text.

    Args:
      name: of the library.
      source: a file with other people's includes only; it must not be called NAME.h, which would be found first.
      deps: what it includes.
    """
    native.cc_library(
        name = name + "_compiled",
        srcs = [source],
        copts = ["-x", "c++-header"] + ETA_COPTS,
        tags = ["manual"],  # nothing to link
        deps = deps,
    )
    native.filegroup(
        name = name + "_output",
        srcs = [":%s_compiled" % name],
        output_group = "compilation_outputs",
    )
    native.genrule(
        name = name + "_files",
        srcs = [source, ":%s_output" % name],
        outs = [name + ".h", name + ".h.gch"],
        cmd = "cp -L $(location {0}) $(@D)/{1}.h && cp -L $(locations :{1}_output) $(@D)/{1}.h.gch".format(source, name),
    )
    native.cc_library(
        name = name,
        hdrs = [name + ".h"],
        textual_hdrs = [name + ".h.gch"],
        visibility = ["//visibility:public"],
        deps = deps,
    )

def include_precompiled(labels):
    """The copts of sources that read the precompiled headers `labels` first, such as "//folder:name"."""
    return [option for label in labels for option in ["-include", label[2:].replace(":", "/") + ".h"]]
