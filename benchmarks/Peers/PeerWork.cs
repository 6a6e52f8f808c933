namespace MLNet.Gpt.Benchmarks.Peers;

/// <summary>Something that every library does with the model.</summary>
/// <param name="Name">Its name on the command line.</param>
/// <param name="Title">The heading of its column.</param>
/// <param name="Tokens">Tokens of one run.</param>
/// <param name="Run">Does it once.</param>
/// <param name="ReadsPerToken">How often the weights must be read from memory for a token.</param>
/// <param name="OperationsPerToken">Floating-point operations of the products for a token.</param>
internal sealed record PeerWork(
    string Name, string Title, int Tokens, Action<Peer> Run, double ReadsPerToken, double OperationsPerToken)
{
    public const int LossTokens = 512;

    private const int DecodeTokens = 32;
    private const int PrefillTokens = 256;
    private const int Sessions = 16;
    private const int StepsTogether = 16;

    // Two operations per weight; the products of attention are not counted.
    private const double BlockOperations = 2.0 * 12 * 12 * 768 * 768;
    private const double HeadOperations = 2.0 * 50257 * 768;

    /// <summary>Operations of a token in a training step: forward, and twice as many backward.</summary>
    public const double TrainingOperations = 3 * (BlockOperations + HeadOperations);

    /// <summary>Ids from all parts of the vocabulary: a prefix of them is the prompt.</summary>
    public static readonly int[] Ids = LectureBenchmark.Ids(LossTokens + 1, ModelFiles.Config.VocabularySize);

    public static readonly IReadOnlyList<PeerWork> All =
    [
        new("decode", "decode, tokens/s", DecodeTokens, peer => peer.Decode(DecodeTokens), 1, BlockOperations + HeadOperations),
        new(
            "prefill", $"prefill of {PrefillTokens}, tokens/s", PrefillTokens, peer => peer.Prefill(Ids[..PrefillTokens]),
            1.0 / PrefillTokens, BlockOperations),
        new(
            "loss", $"loss of {LossTokens}, tokens/s", LossTokens, peer => peer.Loss(Ids), 1.0 / PrefillTokens,
            BlockOperations + HeadOperations),
        new(
            "sessions", $"{Sessions} sessions at once, tokens/s", Sessions * StepsTogether,
            peer => peer.DecodeTogether(Sessions, StepsTogether), 1.0 / Sessions, BlockOperations + HeadOperations),
    ];

    /// <summary>
    /// Returns the tokens per second that the machine's limits allow; <see langword="null"/> if they say nothing: the
    /// limit of products of bytes is not measured.
    /// </summary>
    public double? Limit(int bits, double bytesPerToken, double bandwidth, double multiplyAdds)
    {
        double byMemory = bandwidth / (bytesPerToken * ReadsPerToken);
        return bits >= 16 ? Math.Min(byMemory, multiplyAdds / OperationsPerToken) : ReadsPerToken == 1 ? byMemory : null;
    }
}
