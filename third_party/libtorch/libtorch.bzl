"""The repository @libtorch: libtorch's headers and libraries, found or fetched by resolve.sh.

The tree itself stays where resolve.sh keeps it, outside Bazel's output base: 1.1 GB are neither copied nor fetched again
for a second clone. Objects depend on the headers' contents; libraries are named by their path, which holds the version.
"""

def _resolve(rctx, mode, quiet):
    script = rctx.path(Label("//third_party/libtorch:resolve.sh"))

    # A relative ETA_LIBTORCH_PATH starts at the root of the workspace.
    place = str(script.dirname.dirname.dirname)
    done = rctx.execute([script, mode], timeout = 3600, quiet = quiet, working_directory = place)
    if done.return_code != 0:
        fail(done.stderr.strip().split("\n")[-1])
    return done.stdout.strip()

def _cuda_headers(rctx, root):
    """The folder of the headers of CUDA's runtime: that which came with libtorch, else the system's; or None."""
    brought = root.dirname.get_child("nvidia")
    for folder in [
        brought.get_child("cu13").get_child("include"),
        brought.get_child("cuda_runtime").get_child("include"),
        rctx.path("/usr/local/cuda/include"),
    ]:
        if folder.get_child("cuda_runtime_api.h").exists:
            return folder
    return None

def _libtorch_repository_impl(rctx):
    _resolve(rctx, "--install", quiet = False)
    root = rctx.path(_resolve(rctx, "--root", quiet = True))
    rctx.symlink(root.get_child("include"), "include")
    cuda = _cuda_headers(rctx, root)
    if cuda:
        rctx.symlink(cuda, "cuda")
    rctx.template("BUILD.bazel", Label("//third_party/libtorch:libtorch.BUILD"), {"{LIB}": str(root.get_child("lib"))})

libtorch_repository = repository_rule(
    implementation = _libtorch_repository_impl,
    environ = [
        "ETA_LIBTORCH_PATH",
        "ETA_LIBTORCH_VER",
        "ETA_TORCH_BACKEND",
        "HOME",
        "XDG_CACHE_HOME",
    ],
)
