using MLNet.Gpt.Tests.TorchSharp.Alone;
using MLNet.Gpt.TorchSharp;

namespace MLNet.Gpt.Tests.TorchSharp.Portable;

/// <summary>What <see cref="LibTorchTests"/> runs in a process in which nothing else has loaded libtorch.</summary>
public class PortableKernelsTests
{
    [Fact]
    public void Portable_kernels_are_chosen_once_and_leave_the_environment_unchanged()
    {
        Assert.SkipWhen(
            Environment.GetEnvironmentVariable(RetainedHeapAloneTests.Variable) is null, "This is asked in a process of its own only.");
        string[] variables = ["OMP_WAIT_POLICY", "ATEN_CPU_CAPABILITY", "MKL_CBWR"];
        string?[] before = [.. variables.Select(NativeEnvironment.Get)];
        LibTorch.UsePortableKernels();
        Assert.Equal(before, variables.Select(NativeEnvironment.Get));
        Assert.Throws<InvalidOperationException>(LibTorch.UsePortableKernels);
    }
}
