using System.Buffers.Binary;
using System.Text;
using MLNet.Gpt.Tests.Formats.Importing;

namespace MLNet.Gpt.Tests.Formats.Gguf;

public sealed class GgufTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private byte[] _bytes = File.ReadAllBytes(ModelFixtures.Path("gguf/f32.gguf"));

    [Fact]
    public void The_tokenizer_comes_with_the_model()
    {
        using var model = GptModel.Load(ModelFixtures.Path("gguf/f32.gguf"));
        var tokenizer = Assert.IsType<BytePairTokenizer>(model.Tokenizer);
        Assert.Equal([13, 14, 15], tokenizer.Encode(" lower<|endoftext|>"));
        Assert.Equal((40, 15), (tokenizer.VocabularySize, tokenizer.EndOfTextId!.Value));
    }

    [Theory]
    [InlineData(16u, "type IQ2_XXS; the types that can be read are F32, F16, Q8_0, Q4_0, BF16, Q4_1, ")]
    [InlineData(12u, "rows of 8 elements, which are not whole blocks of 256")]
    [InlineData(999u, "type number 999")]
    [InlineData(8u, "rows of 8 elements, which are not whole blocks of 32")]
    [InlineData(1u, "does not begin at the next multiple of 32")]
    public void A_tensor_of_another_type_is_refused_by_name(uint type, string reason)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(Info("token_embd.weight") + 20), type);
        AssertRefused(reason, "token_embd.weight", "position_embd.weight");
    }

    [Fact]
    public void A_tensor_outside_the_file_is_refused()
    {
        int at = Info("position_embd.weight") + 24;
        BinaryPrimitives.WriteUInt64LittleEndian(_bytes.AsSpan(at), 0);
        AssertRefused("overlaps", "token_embd.weight", "position_embd.weight");
        BinaryPrimitives.WriteUInt64LittleEndian(_bytes.AsSpan(at), ulong.MaxValue);
        AssertRefused("outside the file", "position_embd.weight");
        BinaryPrimitives.WriteUInt64LittleEndian(_bytes.AsSpan(at), long.MaxValue);
        AssertRefused("outside the file", "position_embd.weight");
        BinaryPrimitives.WriteUInt64LittleEndian(_bytes.AsSpan(Info("position_embd.weight") + 4), ulong.MaxValue);
        AssertRefused("impossible size", "position_embd.weight");
    }

    [Theory]
    [InlineData(4, 1u, "of version 1; only 2 and 3 are supported")]
    [InlineData(4, 0x03000000u, "big-endian")]
    [InlineData(8, 0xFFFFFFFFu, "tensors at byte 8; at most")]
    [InlineData(16, 0xFFFFFFFFu, "pairs of metadata at byte 16; at most")]
    public void A_header_out_of_bounds_is_refused(int at, uint value, string reason)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(at), value);
        AssertRefused(reason);
    }

    [Theory]
    [InlineData("gpt2\u0013", "gptj\u0013", "the architecture 'gptj'")]
    [InlineData("gpt2.block_count", "gpt2.block_coun7", "lacks the metadata 'gpt2.block_count'")]
    [InlineData("blk.1.ffn_up.bias", "blk.1.ffn_up.bia5", "lacks the tensor 'blk.1.ffn_up.bias'")]
    [InlineData("general.architecture", "general.architectur3", "the architecture ''")]
    [InlineData("gpt2.context_length", "gpt2.context_lengt7", "lacks the metadata 'gpt2.context_length'")]
    public void Anything_but_GPT2_is_refused_by_name(string original, string replacement, string reason)
    {
        Replace(original, replacement);
        AssertRefused(reason);
    }

    [Fact]
    public void A_width_of_which_four_times_does_not_fit_an_integer_is_refused()
    {
        const string Width = "gpt2.embedding_length\u0004\0\0\0"; // of type UInt32
        Replace("gpt2.feed_forward_length", "gpt2.feed_forward_lengt7");
        Replace(Width + "\u0008\0\0\0", Width + "\u007f\u007f\u007f\u007f");
        AssertRefused("does not contain a valid model configuration");
    }

    [Fact]
    public void Another_tokenizer_is_refused_only_when_it_is_requested()
    {
        const string Key = "tokenizer.ggml.model\u0008\0\0\0\u0004\0\0\0\0\0\0\0";
        Replace(Key + "gpt2", Key + "bert");
        using var file = Open();
        Assert.Equal(40, file.Config.VocabularySize);
        Assert.Contains(
            "a tokenizer of kind 'bert'", Assert.Throws<InvalidDataException>(() => file.Tokenizer).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_after_the_last_tensor_are_refused()
    {
        _bytes = [.. _bytes, .. new byte[64]];
        AssertRefused("no tensor has the 64 bytes at its end");
    }

    public void Dispose() => _directory.Dispose();

    private int Info(string name)
    {
        byte[] key = [.. BitConverter.GetBytes((long)name.Length), .. Encoding.UTF8.GetBytes(name)];
        int at = _bytes.AsSpan().IndexOf(key);
        Assert.True(at > 0);
        return at + key.Length; // number of dimensions, two sizes, type, offset
    }

    private void Replace(string original, string replacement)
    {
        byte[] from = Encoding.UTF8.GetBytes(original), to = Encoding.UTF8.GetBytes(replacement);
        Assert.Equal(from.Length, to.Length);
        int at = _bytes.AsSpan().IndexOf(from);
        Assert.True(at > 0, original);
        to.CopyTo(_bytes, at);
    }

    private GptModelFile Open()
    {
        string path = Path.Combine(_directory.Path, "model.gguf");
        File.WriteAllBytes(path, _bytes);
        return GptModelFile.Open(path);
    }

    private void AssertRefused(params string[] reasons)
    {
        var error = Assert.Throws<InvalidDataException>(() => Open().Dispose());
        Assert.Contains(_directory.Path, error.Message, StringComparison.Ordinal);
        if (reasons.Length > 0) Assert.Contains(reasons[0], error.Message, StringComparison.Ordinal);
        if (reasons.Length > 1)
        {
            Assert.True(reasons.Skip(1).Any(name => error.Message.Contains(name, StringComparison.Ordinal)), error.Message);
        }
    }
}
