using MLNet.Gpt.TorchSharp;

namespace MLNet.Gpt.Tests.TorchSharp;

/// <summary>
/// One thread for libtorch: the tests' models are tiny, and its threads spin at every barrier while the rest of the
/// test run needs the cores.
/// </summary>
public sealed class SingleThreadFixture
{
    public SingleThreadFixture() => LibTorch.ThreadCount = 1;
}
