using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using MLNet.Gpt.Tests.Numerics.Kernels;

namespace MLNet.Gpt.Tests.Inference;

/// <summary>
/// Runs the kernels' tests as on simpler machines, by disabling instruction sets through the environment.
/// </summary>
public class SwitchedOffInstructionsTests
{
    private const string Kernels = "MLNet.Gpt.Tests.Numerics.Kernels";

    [Fact]
    public async Task The_kernels_are_right_without_AVX_512_and_give_the_same_bits()
    {
        Assert.SkipUnless(Vector512.IsHardwareAccelerated, "The machine has no AVX-512.");
        await ChildTestRun.Run(
            Kernels,
            ("DOTNET_EnableAVX512", "0"),
            (InstructionSetTests.LanesVariable, "8"),
            (InstructionSetTests.HasByteProductsVariable, AvxVnni.IsSupported.ToString()),
            (InstructionSetTests.DigestVariable, InstructionSetTests.Digest()));
    }

    [Fact]
    public async Task The_kernels_are_right_without_byte_products_and_give_the_same_bits()
    {
        Assert.SkipUnless(AvxVnni.IsSupported, "The machine has no AVX-VNNI.");
        await ChildTestRun.Run(
            Kernels,
            ("DOTNET_EnableAVX512", "0"),
            ("DOTNET_EnableAVXVNNI", "0"),
            (InstructionSetTests.LanesVariable, "8"),
            (InstructionSetTests.HasByteProductsVariable, "False"),
            (InstructionSetTests.DigestVariable, InstructionSetTests.Digest()));
    }

    // Without AVX2 there is no fused multiply-add either, so the bits differ.
    [Fact]
    public async Task The_kernels_are_right_without_AVX2()
    {
        Assert.SkipUnless(Avx2.IsSupported, "The machine has no AVX2.");
        await ChildTestRun.Run(Kernels, ("DOTNET_EnableAVX2", "0"), (InstructionSetTests.LanesVariable, "4"));
    }

    [Fact]
    public async Task The_kernels_are_right_without_any_vector_instruction()
    {
        Assert.SkipUnless(X86Base.IsSupported, "The switch is known to work on x64.");
        await ChildTestRun.Run(Kernels, ("DOTNET_EnableHWIntrinsic", "0"), (InstructionSetTests.LanesVariable, "1"));
    }
}
