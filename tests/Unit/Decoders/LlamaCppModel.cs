using System.Runtime.InteropServices;
using MLNet.Gpt.Numerics.Softmax;
using MLNet.Gpt.Tests.Formats.Gguf;

namespace MLNet.Gpt.Tests.Decoders;

/// <summary>A GGUF file that llama.cpp runs, with everything in single precision that it can keep so.</summary>
internal sealed unsafe class LlamaCppModel : IDisposable
{
    private readonly nint _model, _context, _vocabulary;
    private readonly int _vocabularySize;

    public LlamaCppModel(string path, int contextLength = 128)
    {
        var modelParameters = ((delegate* unmanaged<ModelParameters>)LlamaCpp.Function("llama_model_default_params"))();
        modelParameters.UsesExtraBuffers = 0;
        nint name = Marshal.StringToCoTaskMemUTF8(path);
        _model = ((delegate* unmanaged<nint, ModelParameters, nint>)LlamaCpp.Function("llama_model_load_from_file"))(name, modelParameters);
        Marshal.FreeCoTaskMem(name);
        Assert.True(_model != 0, $"llama.cpp does not load {path}: {LlamaCpp.LastErrors}");

        var parameters = ((delegate* unmanaged<ContextParameters>)LlamaCpp.Function("llama_context_default_params"))();
        parameters.ContextLength = parameters.BatchLength = parameters.PhysicalBatchLength = (uint)contextLength;
        parameters.ThreadCount = parameters.BatchThreadCount = 1;
        parameters.FlashAttention = 0;
        parameters.KeyType = parameters.ValueType = 0; // F32
        _context = ((delegate* unmanaged<nint, ContextParameters, nint>)LlamaCpp.Function("llama_init_from_model"))(_model, parameters);
        Assert.True(_context != 0, $"llama.cpp does not run {path}: {LlamaCpp.LastErrors}");
        _vocabulary = ((delegate* unmanaged<nint, nint>)LlamaCpp.Function("llama_model_get_vocab"))(_model);
        _vocabularySize = ((delegate* unmanaged<nint, int>)LlamaCpp.Function("llama_vocab_n_tokens"))(_vocabulary);
    }

    public void Dispose()
    {
        ((delegate* unmanaged<nint, void>)LlamaCpp.Function("llama_free"))(_context);
        ((delegate* unmanaged<nint, void>)LlamaCpp.Function("llama_model_free"))(_model);
    }

    /// <summary>Attaches LoRA adapters, in place of earlier ones; the model frees them.</summary>
    public void Attach(params ReadOnlySpan<(string Path, float Scale)> adapters)
    {
        nint* loaded = stackalloc nint[adapters.Length];
        float* scales = stackalloc float[adapters.Length];
        for (int i = 0; i < adapters.Length; i++)
        {
            nint name = Marshal.StringToCoTaskMemUTF8(adapters[i].Path);
            loaded[i] = ((delegate* unmanaged<nint, nint, nint>)LlamaCpp.Function("llama_adapter_lora_init"))(_model, name);
            Marshal.FreeCoTaskMem(name);
            Assert.True(loaded[i] != 0, $"llama.cpp does not load {adapters[i].Path}: {LlamaCpp.LastErrors}");
            scales[i] = adapters[i].Scale;
        }

        var set = (delegate* unmanaged<nint, nint*, nuint, float*, int>)LlamaCpp.Function("llama_set_adapters_lora");
        Assert.Equal(0, set(_context, loaded, (nuint)adapters.Length, scales));
    }

    /// <summary>Returns the logits after each token of a text, row by row.</summary>
    public float[] Logits(ReadOnlySpan<int> ids)
    {
        Clear();
        return Append(ids, position: 0);
    }

    /// <summary>
    /// Asserts that a model continues a text with the same tokens, until llama.cpp's lead is within what its precision
    /// explains.
    /// </summary>
    public void AssertGeneratesLike(GptModel model, ReadOnlySpan<int> prompt, int count)
    {
        var cancellation = TestContext.Current.CancellationToken;
        var (expected, leads) = Generate(prompt, count);
        using var session = model.CreateSession();
        session.Append(prompt, cancellation);
        for (int i = 0; i < expected.Length && leads[i] > 1e-3; i++)
        {
            Assert.Equal(expected[i], LogitScan.ArgMax(session.Logits));
            session.Append(expected.AsSpan(i, 1), cancellation);
        }
    }

    /// <summary>
    /// Continues a text with the likeliest token each time; <c>Leads</c> says by how much each one's logit leads the next.
    /// </summary>
    public (int[] Ids, float[] Leads) Generate(ReadOnlySpan<int> prompt, int count)
    {
        Clear();
        float[] logits = Append(prompt, position: 0)[^_vocabularySize..];
        int[] ids = new int[count];
        float[] leads = new float[count];
        for (int i = 0; i < count; i++)
        {
            if (i > 0) logits = Append([ids[i - 1]], prompt.Length + i - 1);
            int best = Array.IndexOf(logits, logits.Max());
            (ids[i], leads[i]) = (best, logits[best] - logits.Where((_, id) => id != best).Max());
        }

        return (ids, leads);
    }

    /// <summary>Returns the ids of a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="specialTokens">How special tokens in it are read.</param>
    /// <param name="addsBeginning">Whether the beginning of a text is added as the model requires.</param>
    public int[] Encode(string text, SpecialTokens specialTokens = SpecialTokens.Recognized, bool addsBeginning = false)
    {
        byte[] bytes = [.. System.Text.Encoding.UTF8.GetBytes(text), 0];
        int[] ids = new int[bytes.Length + 8];
        var tokenize = (delegate* unmanaged<nint, byte*, int, int*, int, byte, byte, int>)LlamaCpp.Function("llama_tokenize");
        fixed (byte* source = bytes)
        fixed (int* target = ids)
        {
            byte isRecognized = specialTokens == SpecialTokens.Recognized ? (byte)1 : (byte)0;
            int count = tokenize(
                _vocabulary, source, bytes.Length - 1, target, ids.Length, addsBeginning ? (byte)1 : (byte)0, isRecognized);
            return ids[..count];
        }
    }

    private void Clear()
    {
        nint memory = ((delegate* unmanaged<nint, nint>)LlamaCpp.Function("llama_get_memory"))(_context);
        ((delegate* unmanaged<nint, byte, void>)LlamaCpp.Function("llama_memory_clear"))(memory, 1);
    }

    private float[] Append(ReadOnlySpan<int> ids, int position)
    {
        int* positions = stackalloc int[ids.Length], sequenceCounts = stackalloc int[ids.Length];
        int** sequences = stackalloc int*[ids.Length];
        byte* wanted = stackalloc byte[ids.Length];
        int sequence = 0;
        for (int i = 0; i < ids.Length; i++)
        {
            (positions[i], sequenceCounts[i], wanted[i]) = (position + i, 1, 1);
            sequences[i] = &sequence;
        }

        fixed (int* tokens = ids)
        {
            var batch = new Batch
            {
                Count = ids.Length, Tokens = tokens, Positions = positions, SequenceCounts = sequenceCounts, Sequences = sequences,
                Wanted = wanted,
            };
            int result = ((delegate* unmanaged<nint, Batch, int>)LlamaCpp.Function("llama_decode"))(_context, batch);
            Assert.True(result == 0, $"llama_decode returned {result}: {LlamaCpp.LastErrors}");
        }

        var logitsOf = (delegate* unmanaged<nint, int, float*>)LlamaCpp.Function("llama_get_logits_ith");
        float[] logits = new float[ids.Length * _vocabularySize];
        for (int i = 0; i < ids.Length; i++)
        {
            new ReadOnlySpan<float>(logitsOf(_context, i), _vocabularySize).CopyTo(logits.AsSpan(i * _vocabularySize));
        }

        return logits;
    }

#pragma warning disable CS0649 // fields that are not assigned: llama.cpp's defaults
    /// <summary><c>struct llama_model_params</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct ModelParameters
    {
        public nint Devices, BufferOverrides;
        public int GpuLayers, SplitMode, LoadMode, MainGpu;
        public nint TensorSplit, Progress, ProgressData, Overrides;
        public byte OnlyVocabulary, ChecksTensors, UsesExtraBuffers, HasNoHost, HasNoMemory, LoadsMtp;
    }

    /// <summary><c>struct llama_context_params</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct ContextParameters
    {
        public uint ContextLength, BatchLength, PhysicalBatchLength, MaximumSequences, StateSnapshots, MaximumOutputs;
        public int ThreadCount, BatchThreadCount, Kind, RotaryScaling, Pooling, Attention, FlashAttention;
        public float RotaryBase, RotaryScale, YarnExtension, YarnAttention, YarnFast, YarnSlow;
        public uint YarnContext;
        public float Defragmentation;
        public nint Evaluation, EvaluationData;
        public int KeyType, ValueType;
        public nint Abort, AbortData;
        public byte Embeddings, OffloadsKeys, HasNoTimes, OffloadsOperations, HasFullWindows, IsUnified;
        public nint Samplers;
        public nuint SamplerCount;
        public nint Other;
    }

    /// <summary><c>struct llama_batch</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Batch
    {
        public int Count;
        public int* Tokens;
        public float* Embeddings;
        public int* Positions, SequenceCounts;
        public int** Sequences;
        public byte* Wanted;
    }
#pragma warning restore CS0649
}
