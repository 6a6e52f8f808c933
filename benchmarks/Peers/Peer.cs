namespace MLNet.Gpt.Benchmarks.Peers;

/// <summary>The decoder, loaded by one library at one precision.</summary>
internal abstract class Peer : IDisposable
{
    public const int ContextLength = 1024;

    protected const int FirstId = 50256;

    /// <summary>Bytes that decoding reads for each token, where they are known.</summary>
    public virtual long? BytesPerToken => null;

    /// <summary>Generates tokens greedily, one session.</summary>
    public abstract void Decode(int tokens);

    /// <summary>Computes the logits after a prompt.</summary>
    public abstract void Prefill(int[] ids);

    /// <summary>Returns the mean loss of every id but the first.</summary>
    public abstract double Loss(int[] ids);

    /// <summary>Generates tokens greedily in many sessions together.</summary>
    public abstract void DecodeTogether(int sessions, int tokens);

    public abstract void Dispose();

    protected static int ArgMax(ReadOnlySpan<float> logits) => System.Numerics.Tensors.TensorPrimitives.IndexOfMax(logits);
}

/// <summary>A library and a precision that it offers.</summary>
/// <param name="Library">The library.</param>
/// <param name="Precision">The precision, in the library's own words.</param>
/// <param name="Bits">Bits per weight.</param>
/// <param name="Load">Loads the model from its file.</param>
/// <param name="IsAhead">Whether it uses instructions that the others are kept from using, so that ours is not compared with it.</param>
internal sealed record PeerKind(string Library, string Precision, int Bits, Func<Peer> Load, bool IsAhead = false)
{
    public const string OurLibrary = "MLNet.Gpt";

    public string Name => $"{Library} {Precision}";

    public bool IsOurs => Library == OurLibrary;

    /// <summary>Whether it is a peer with which a kind of ours is compared.</summary>
    public bool IsRivalOf(PeerKind ours) => !IsOurs && !IsAhead && Bits == ours.Bits;
}
