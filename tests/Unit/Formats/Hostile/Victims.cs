using System.Buffers.Binary;
using System.Text;
using MLNet.Gpt.Formats.Tensors;
using MLNet.Gpt.Tests.Decoders;
using MLNet.Gpt.Tests.Formats.Gguf;

namespace MLNet.Gpt.Tests.Formats.Hostile;

/// <summary>One model for each reader. Their structure is located by marks in the bytes, not by the readers.</summary>
internal static class Victims
{
    public static IReadOnlyDictionary<string, Victim> All { get; } = new Dictionary<string, Victim>
    {
        ["PyTorch zip"] = new("book/model.pth", [new("book/model.pth", ZipStructure, MendZip)], HasChecksums: true) { HasViews = true },
        ["PyTorch views"] = new("book/views.pth", [new("book/views.pth", ZipStructure, MendZip)], HasChecksums: true) { HasViews = true },
        ["PyTorch legacy"] = new(
            "book/legacy.pth", [new("book/legacy.pth", bytes => [0..(bytes.AsSpan().LastIndexOf("e."u8) + 2)])]) { HasViews = true },
        ["package"] = new(
            "own/model.safetensors", [new("own/model.safetensors", bytes => [0..(8 + BinaryPrimitives.ReadInt32LittleEndian(bytes))])]),
        ["safetensors"] = new("hf", [new("hf/model.safetensors", bytes => [0..(8 + BinaryPrimitives.ReadInt32LittleEndian(bytes))])]),
        ["Hugging Face shards"] = new("hf-sharded", [
            new("hf-sharded/config.json", Whole),
            new("hf-sharded/model.safetensors.index.json", Whole),
            new("hf-sharded/model-00002-of-00002.safetensors", bytes => [0..(8 + BinaryPrimitives.ReadInt32LittleEndian(bytes))])]),
        ["tokenizer"] = new("transformers", [
            new("transformers/config.json", Whole),
            new("transformers/vocab.json", Whole),
            new("transformers/merges.txt", Whole),
            new("transformers/tokenizer_config.json", Whole)]),
        ["TensorFlow"] = new("openai", [
            new("openai/model.ckpt.index", Whole, MendTable),
            new("openai/hparams.json", Whole),
            new("openai/checkpoint", Whole),
            new("openai/model.ckpt.data-00000-of-00001", Whole)],
            HasChecksums: true),
        ["GGUF"] = new("gguf/f32.gguf", [new("gguf/f32.gguf", GgufStructure)]),
        ["GGUF Q8_0"] = new("gguf/q8_0.gguf", [new("gguf/q8_0.gguf", GgufStructure)]),
        ["Llama folder"] = Folder("llama3", ConfigStyle.Version4),
        ["Qwen folder"] = Folder("qwen3", ConfigStyle.Version5),
        ["Gemma folder"] = Folder("gemma3", ConfigStyle.Multimodal),
        ["GGUF Llama"] = Gguf("llama3"),
        ["GGUF Gemma"] = Gguf("gemma3-linear"),
        ["Gemma 2 folder"] = Folder("gemma2", ConfigStyle.Version4),
        ["GGUF Gemma 2"] = Gguf("gemma2"),
        ["GGUF Q4_0"] = Quantized(fileType: 2),
        ["GGUF Q4_K_M"] = Quantized(fileType: 15),
        ["GGUF Q5_K_M"] = Quantized(fileType: 17),
    };

    private static Victim Folder(string name, ConfigStyle style) => new("decoder", [
        new("decoder/config.json", Whole),
        new("decoder/model.safetensors", bytes => [0..(8 + BinaryPrimitives.ReadInt32LittleEndian(bytes))])])
    {
        Write = folder => HuggingFaceFolder.Write(folder, Small(name), Small(name).RandomWeights(seed: 1), style),
    };

    private static Victim Gguf(string name) => new("decoder/model.gguf", [new("decoder/model.gguf", GgufStructure)])
    {
        Write = folder => GgufFile.Write(Path.Combine(folder, "model.gguf"), Small(name), Small(name).RandomWeights(seed: 1)),
    };

    // Q4_K_M and Q5_K_M have rows in blocks of 256 and, where these do not fit, of 32.
    private static Victim Quantized(int fileType) => new("decoder/model.gguf", [new("decoder/model.gguf", GgufStructure)])
    {
        WeightsPerBlock = 256,
        Write = folder =>
        {
            var description = Small("llama3") with { Width = 256, HeadSize = 16, FeedForwardWidth = 32 };
            string plain = Path.Combine(folder, "plain.gguf");
            GgufFile.Write(plain, description, description.RandomWeights(seed: 1));
            LlamaCpp.QuantizeFile(plain, Path.Combine(folder, "model.gguf"), fileType);
            File.Delete(plain);
        },
    };

    private static DecoderDescription Small(string name) => DecoderFamilies.Named(name) with
    {
        VocabularySize = 40, ContextLength = 24, Width = 16, LayerCount = 2, HeadCount = 2, KeyValueHeadCount = 1, HeadSize = 12,
        FeedForwardWidth = 20,
    };

    private static Range[] Whole(byte[] bytes) => [Range.All];

    // The list of tensors ends soon after the last name.
    private static Range[] GgufStructure(byte[] bytes)
    {
        string[] last = ["output_norm.bias", "output_norm.weight", "output.weight", "rope_freqs.weight"];
        return [0..(last.Max(name => bytes.AsSpan().LastIndexOf(Encoding.ASCII.GetBytes(name))) + 40)];
    }

    private static Range[] ZipStructure(byte[] bytes) => [Pickle(bytes), bytes.AsSpan().IndexOf("PK\x01\x02"u8)..bytes.Length];

    private static Range Pickle(byte[] bytes)
    {
        int name = bytes.AsSpan().IndexOf("/data.pkl"u8), extra = bytes.AsSpan(0, name).LastIndexOf("PK\x03\x04"u8) + 28;
        int start = name + 9 + BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(extra));
        return start..(start + BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(DirectoryEntry(bytes) + 24)));
    }

    private static int DirectoryEntry(byte[] bytes)
    {
        int name = bytes.AsSpan().LastIndexOf("/data.pkl"u8);
        return bytes.AsSpan(0, name).LastIndexOf("PK\x01\x02"u8);
    }

    private static void MendZip(byte[] bytes, byte[] original)
    {
        int entry = DirectoryEntry(original);
        var (start, length) = Pickle(original).GetOffsetAndLength(original.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(entry + 16), Crc32.AppendByTables(0, bytes.AsSpan(start, length)));
    }

    /// <summary>Corrects the checksums of a TensorFlow index.</summary>
    public static void MendTable(byte[] bytes, byte[] original)
    {
        foreach (var (start, length) in Blocks(original))
        {
            uint checksum = Crc32C.Append(0, bytes.AsSpan(start, length + 1));
            BinaryPrimitives.WriteUInt32LittleEndian(
                bytes.AsSpan(start + length + 1), (uint)(((checksum >> 15) | (checksum << 17)) + 0xA282EAD8));
        }
    }

    // Uses the table's footer and its index block, whose keys are not needed.
    private static IEnumerable<(int Start, int Length)> Blocks(byte[] bytes)
    {
        int at = bytes.Length - 48;
        var meta = (Number(bytes, ref at), Number(bytes, ref at));
        var index = (Start: Number(bytes, ref at), Length: Number(bytes, ref at));
        yield return meta;
        yield return index;
        int end = index.Start + index.Length;
        end -= 4 * (1 + BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(end - 4)));
        for (at = index.Start; at < end;)
        {
            Number(bytes, ref at);
            int own = Number(bytes, ref at);
            Number(bytes, ref at);
            at += own;
            yield return (Number(bytes, ref at), Number(bytes, ref at));
        }
    }

    private static int Number(byte[] bytes, ref int at)
    {
        int number = 0;
        for (int shift = 0; ; shift += 7)
        {
            number |= (bytes[at] & 0x7F) << shift;
            if (bytes[at++] < 0x80) return number;
        }
    }
}
