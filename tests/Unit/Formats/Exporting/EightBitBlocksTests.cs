using MLNet.Gpt.Formats;
using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Tests.Formats.Exporting;

/// <summary>
/// Against <c>gguf.quants.quantize</c> of llama.cpp's gguf-py, which its authors keep equal to GGML's reference.
/// </summary>
public class EightBitBlocksTests
{
    private const string Expected =
        "333081df3d9af856b41270cd2b89e745a2005ebb1977d53390ee4caa0866c3217fdc1e303c96f656b0106fca2984e3439efd5db71777d1318beb4ba50565bf1f7fd939930000" +
        "00000000000000000000000000000000000000000000000000000000000000003330ac0a68c62481df3d9af856b41270cd2b89e745a2005ebb1977d53390ee4caa08003c81f1" +
        "f2f3f4f5f6f7f8f9fafbfcfdfeff0102030405060708090a0b0c0d0e0f101e301f7fd93993f353ad0d6dc72781e1419bfb5bb51575cf2f89e949a30362bd1d7c3330d73593f1" +
        "4fac0a68c62481df3d9af856b41270cd2b89e745a2005ebb1977d533020090ee4caa0866c3217fdc3a98f654b10f6dcb2986e4429ffd5bb91775d2308eec";

    /// <summary>
    /// Four rows of two blocks: many fractions, a block of zeros, one of halves with a scale of 1, one whose scale is
    /// below half precision's normal numbers.
    /// </summary>
    [Fact]
    public void Blocks_equal_those_of_the_reference_byte_for_byte()
    {
        float[] elements = [.. Enumerable.Range(0, 256).Select(i => ((i * 37 % 101) - 50) / 3f)];
        elements.AsSpan(64, 32).Clear();
        for (int i = 0; i < 32; i++) elements[128 + i] = i - 15.5f;
        elements[128] = -127;
        for (int i = 224; i < 256; i++) elements[i] *= 1 / 1048576f;

        byte[] encoded = new byte[TensorDataType.Q8_0.Size(elements.Length)];
        EightBitBlocks.Encode(elements, encoded);

        Assert.Equal(Expected, Convert.ToHexStringLower(encoded));
    }
}
