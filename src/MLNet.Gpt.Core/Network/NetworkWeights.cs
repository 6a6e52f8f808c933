using MLNet.Gpt.Numerics.Kernels;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Network;

/// <summary>The weights and biases that make up a matrix of the network.</summary>
/// <param name="Label">What the matrix is, for messages.</param>
/// <param name="Names">One weight, or several that are stacked.</param>
/// <param name="BiasNames">Their biases; empty if there are none.</param>
/// <param name="PartRows">Rows of each weight.</param>
/// <param name="Columns">The layer's inputs.</param>
internal sealed record MatrixEntry(string Label, string[] Names, string[] BiasNames, int[] PartRows, int Columns)
{
    /// <summary>Rows of all weights together, the layer's outputs.</summary>
    public int Rows { get; } = PartRows.Sum();

    /// <summary>Returns the first row of a weight.</summary>
    public int FirstRowOf(int part) => PartRows.Take(part).Sum();

    /// <summary>Returns the weight that a row belongs to, and its first row.</summary>
    public (int Part, int FirstRow) PartAt(int row)
    {
        int part = 0, first = 0;
        while (row >= first + PartRows[part]) first += PartRows[part++];
        return (part, first);
    }
}

/// <summary>A weight that is not a matrix of a product.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Length">Its elements.</param>
internal sealed record VectorEntry(string Name, int Length);

/// <summary>The weights of a norm.</summary>
/// <param name="IsCentered">Whether the mean is subtracted.</param>
/// <param name="Epsilon">Added to the variance.</param>
/// <param name="Scale">The scale.</param>
/// <param name="Shift">The shift; <see langword="null"/> if there is none.</param>
internal sealed record NormWeights<TVector>(bool IsCentered, float Epsilon, TVector Scale, TVector? Shift)
    where TVector : class, IWeightVector
{
    /// <summary>The norm in the form used for computing.</summary>
    public unsafe Norm Kernel => new(IsCentered, Epsilon, Scale.Pointer, Shift is null ? null : Shift.Pointer);
}

/// <summary>The weights of one decoder block. What the decoder does not have is <see langword="null"/>.</summary>
/// <param name="AttentionNorm">Of C numbers.</param>
/// <param name="QueryKeyValue">((nh + 2 nkv) hs, C): queries, keys and values of all heads in one product.</param>
/// <param name="QueryNorm">Of hs numbers.</param>
/// <param name="KeyNorm">Of hs numbers.</param>
/// <param name="AttentionOutput">(C, nh hs).</param>
/// <param name="AttentionPostNorm">Of C numbers.</param>
/// <param name="FeedForwardNorm">Of C numbers.</param>
/// <param name="FeedForwardGate">(F, C).</param>
/// <param name="FeedForwardIn">(F, C).</param>
/// <param name="FeedForwardOut">(C, F).</param>
/// <param name="FeedForwardPostNorm">Of C numbers.</param>
internal sealed record BlockWeights<TMatrix, TVector>(
    NormWeights<TVector> AttentionNorm,
    TMatrix QueryKeyValue,
    NormWeights<TVector>? QueryNorm,
    NormWeights<TVector>? KeyNorm,
    TMatrix AttentionOutput,
    NormWeights<TVector>? AttentionPostNorm,
    NormWeights<TVector> FeedForwardNorm,
    TMatrix? FeedForwardGate,
    TMatrix FeedForwardIn,
    TMatrix FeedForwardOut,
    NormWeights<TVector>? FeedForwardPostNorm)
    where TMatrix : class, IWeightMatrix
    where TVector : class, IWeightVector;

/// <summary>
/// The weights of the network in the form used for computing: the only place that says which named weights a matrix or
/// vector consists of. Packers, readers, and training's memory enumerate <see cref="Matrices"/> and
/// <see cref="Vectors"/>.
/// </summary>
/// <typeparam name="TMatrix">The form of matrices.</typeparam>
/// <typeparam name="TVector">The form of everything else.</typeparam>
internal class NetworkWeights<TMatrix, TVector>
    where TMatrix : class, IWeightMatrix
    where TVector : class, IWeightVector
{
    private readonly List<(MatrixEntry Entry, TMatrix Matrix)> _matrices = [];
    private readonly List<(VectorEntry Entry, TVector Vector)> _vectors = [];
    private readonly Func<MatrixEntry, TMatrix> _createMatrix;
    private readonly Func<VectorEntry, TVector> _createVector;

    public NetworkWeights(GptConfig config, Func<MatrixEntry, TMatrix> createMatrix, Func<VectorEntry, TVector> createVector)
    {
        (Config, _createMatrix, _createVector) = (config, createMatrix, createVector);
        int c = config.EmbeddingWidth, v = config.VocabularySize;
        TokenEmbedding = Matrix("token embedding", [WeightNames.TokenEmbedding], [], [v], c);
        PositionEmbedding = config.Rotary is null ? Vector(WeightNames.PositionEmbedding, checked(config.ContextLength * c)) : null;
        Blocks = [.. Enumerable.Range(0, config.LayerCount).Select(Block)];
        FinalNorm = Norm(WeightNames.FinalNormScale, WeightNames.FinalNormShift);
        Head = config.ScoreCount is { } scores ? Matrix("score head", [WeightNames.Score], [WeightNames.ScoreBias], [scores], c)
            : config.HasTiedHead ? TokenEmbedding : Matrix("output head", [WeightNames.Head], [], [v], c);
    }

    /// <summary>The model's sizes.</summary>
    public GptConfig Config { get; }

    /// <summary>(V, C).</summary>
    public TMatrix TokenEmbedding { get; }

    /// <summary>(T, C); <see langword="null"/> with rotary positions.</summary>
    public TVector? PositionEmbedding { get; }

    /// <summary>The blocks, from the first.</summary>
    public IReadOnlyList<BlockWeights<TMatrix, TVector>> Blocks { get; }

    /// <summary>The norm after the last block.</summary>
    public NormWeights<TVector> FinalNorm { get; }

    /// <summary>(V, C): the token embedding itself if the head is tied to it; (K, C) if it computes scores.</summary>
    public TMatrix Head { get; }

    /// <summary>Every matrix once, with the weights that it consists of.</summary>
    public IReadOnlyList<(MatrixEntry Entry, TMatrix Matrix)> Matrices => _matrices;

    /// <summary>Every other weight.</summary>
    public IReadOnlyList<(VectorEntry Entry, TVector Vector)> Vectors => _vectors;

    /// <summary>Returns the matrix of the same weights in this network; <see langword="null"/> if there is none.</summary>
    public TMatrix? Find(MatrixEntry entry) => _matrices.Find(each => each.Entry.Names.SequenceEqual(entry.Names)).Matrix;

    /// <summary>Returns the same weight in this network; <see langword="null"/> if there is none.</summary>
    public TVector? Find(VectorEntry entry) => _vectors.Find(each => each.Entry.Name == entry.Name).Vector;

    // The weights are in memory in this order.
    private BlockWeights<TMatrix, TVector> Block(int layer)
    {
        int c = Config.EmbeddingWidth, f = Config.FeedForwardWidth, queries = Config.QueryWidth, keys = Config.KeyWidth;
        return new(
            Norm(WeightNames.AttentionNormScale(layer), WeightNames.AttentionNormShift(layer)),
            Matrix(
                $"query, key and value of block {layer}",
                [WeightNames.Query(layer), WeightNames.Key(layer), WeightNames.Value(layer)],
                Config.HasQkvBias ? [WeightNames.QueryBias(layer), WeightNames.KeyBias(layer), WeightNames.ValueBias(layer)] : [],
                [queries, keys, keys],
                c),
            Config.HasQueryKeyNorm ? HeadNorm(WeightNames.QueryNormScale(layer)) : null,
            Config.HasQueryKeyNorm ? HeadNorm(WeightNames.KeyNormScale(layer)) : null,
            Matrix(
                $"attention output of block {layer}", [WeightNames.AttentionOutput(layer)],
                Config.HasBias ? [WeightNames.AttentionOutputBias(layer)] : [], [c], queries),
            Config.HasPostNorms ? Norm(WeightNames.AttentionPostNormScale(layer), WeightNames.AttentionPostNormShift(layer)) : null,
            Norm(WeightNames.FeedForwardNormScale(layer), WeightNames.FeedForwardNormShift(layer)),
            Config.HasGate
                ? Matrix(
                    $"feed-forward gate of block {layer}", [WeightNames.FeedForwardGate(layer)],
                    FeedForwardBias(WeightNames.FeedForwardGateBias(layer)), [f], c)
                : null,
            Matrix(
                $"first feed-forward layer of block {layer}", [WeightNames.FeedForwardIn(layer)],
                FeedForwardBias(WeightNames.FeedForwardInBias(layer)), [f], c),
            Matrix(
                $"second feed-forward layer of block {layer}", [WeightNames.FeedForwardOut(layer)],
                FeedForwardBias(WeightNames.FeedForwardOutBias(layer)), [c], f),
            Config.HasPostNorms ? Norm(WeightNames.FeedForwardPostNormScale(layer), WeightNames.FeedForwardPostNormShift(layer)) : null);
    }

    private NormWeights<TVector> Norm(string scale, string shift) => new(
        Config.Normalization == Normalization.LayerNorm,
        Config.NormEpsilon,
        Vector(scale, Config.EmbeddingWidth),
        Config.HasNormShift ? Vector(shift, Config.EmbeddingWidth) : null);

    // Queries and keys have RMS norms, whatever the others are.
    private NormWeights<TVector> HeadNorm(string scale) =>
        new(IsCentered: false, Config.NormEpsilon, Vector(scale, Config.HeadSize), Shift: null);

    private string[] FeedForwardBias(string name) => Config.HasFeedForwardBias ? [name] : [];

    private TMatrix Matrix(string label, string[] names, string[] biasNames, int[] rows, int columns)
    {
        var entry = new MatrixEntry(label, names, biasNames, rows, columns);
        var matrix = _createMatrix(entry);
        _matrices.Add((entry, matrix));
        return matrix;
    }

    private TVector Vector(string name, int length)
    {
        var entry = new VectorEntry(name, length);
        var vector = _createVector(entry);
        _vectors.Add((entry, vector));
        return vector;
    }
}
