namespace MLNet.Gpt.Network;

/// <summary>The weights and biases that make up a matrix of the network.</summary>
/// <param name="Label">What the matrix is, for messages.</param>
/// <param name="Names">One weight, or several of equal height that are stacked.</param>
/// <param name="BiasNames">Their biases; empty if there are none.</param>
/// <param name="Rows">Rows of all weights together, the layer's outputs.</param>
/// <param name="Columns">The layer's inputs.</param>
internal sealed record MatrixEntry(string Label, string[] Names, string[] BiasNames, int Rows, int Columns)
{
    /// <summary>Rows of each weight.</summary>
    public int PartRows => Rows / Names.Length;
}

/// <summary>A weight that is not a matrix of a product.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Length">Its elements.</param>
internal sealed record VectorEntry(string Name, int Length);

/// <summary>The weights of one decoder block.</summary>
/// <param name="AttentionNormScale">(C).</param>
/// <param name="AttentionNormShift">(C).</param>
/// <param name="QueryKeyValue">(3 C, C): queries, keys and values of all heads in one product.</param>
/// <param name="AttentionOutput">(C, C).</param>
/// <param name="FeedForwardNormScale">(C).</param>
/// <param name="FeedForwardNormShift">(C).</param>
/// <param name="FeedForwardIn">(4 C, C).</param>
/// <param name="FeedForwardOut">(C, 4 C).</param>
internal sealed record BlockWeights<TMatrix, TVector>(
    TVector AttentionNormScale,
    TVector AttentionNormShift,
    TMatrix QueryKeyValue,
    TMatrix AttentionOutput,
    TVector FeedForwardNormScale,
    TVector FeedForwardNormShift,
    TMatrix FeedForwardIn,
    TMatrix FeedForwardOut);

/// <summary>
/// The weights of the network in the form used for computing: the only place that says which named weights a matrix or
/// vector consists of. Packers, readers, and training's memory enumerate <see cref="Matrices"/> and
/// <see cref="Vectors"/>.
/// </summary>
/// <typeparam name="TMatrix">The form of matrices.</typeparam>
/// <typeparam name="TVector">The form of everything else.</typeparam>
internal class NetworkWeights<TMatrix, TVector>
{
    private readonly List<(MatrixEntry Entry, TMatrix Matrix)> _matrices = [];
    private readonly List<(VectorEntry Entry, TVector Vector)> _vectors = [];
    private readonly Func<MatrixEntry, TMatrix> _createMatrix;
    private readonly Func<VectorEntry, TVector> _createVector;

    public NetworkWeights(GptConfig config, Func<MatrixEntry, TMatrix> createMatrix, Func<VectorEntry, TVector> createVector)
    {
        (Config, _createMatrix, _createVector) = (config, createMatrix, createVector);
        int c = config.EmbeddingWidth, v = config.VocabularySize;
        TokenEmbedding = Matrix("token embedding", [WeightNames.TokenEmbedding], [], v, c);
        PositionEmbedding = Vector(WeightNames.PositionEmbedding, checked(config.ContextLength * c));
        Blocks = [.. Enumerable.Range(0, config.LayerCount).Select(Block)];
        FinalNormScale = Vector(WeightNames.FinalNormScale, c);
        FinalNormShift = Vector(WeightNames.FinalNormShift, c);
        Head = config.HasTiedHead ? TokenEmbedding : Matrix("output head", [WeightNames.Head], [], v, c);
    }

    /// <summary>The model's sizes.</summary>
    public GptConfig Config { get; }

    /// <summary>(V, C).</summary>
    public TMatrix TokenEmbedding { get; }

    /// <summary>(T, C).</summary>
    public TVector PositionEmbedding { get; }

    /// <summary>The blocks, from the first.</summary>
    public IReadOnlyList<BlockWeights<TMatrix, TVector>> Blocks { get; }

    /// <summary>(C).</summary>
    public TVector FinalNormScale { get; }

    /// <summary>(C).</summary>
    public TVector FinalNormShift { get; }

    /// <summary>(V, C): the token embedding itself if the head is tied to it.</summary>
    public TMatrix Head { get; }

    /// <summary>Every matrix once, with the weights that it consists of.</summary>
    public IReadOnlyList<(MatrixEntry Entry, TMatrix Matrix)> Matrices => _matrices;

    /// <summary>Every other weight.</summary>
    public IReadOnlyList<(VectorEntry Entry, TVector Vector)> Vectors => _vectors;

    // The weights are in memory in this order.
    private BlockWeights<TMatrix, TVector> Block(int layer)
    {
        int c = Config.EmbeddingWidth, f = Config.FeedForwardWidth;
        return new(
            Vector(WeightNames.AttentionNormScale(layer), c),
            Vector(WeightNames.AttentionNormShift(layer), c),
            Matrix(
                $"query, key and value of block {layer}",
                [WeightNames.Query(layer), WeightNames.Key(layer), WeightNames.Value(layer)],
                Config.HasQkvBias ? [WeightNames.QueryBias(layer), WeightNames.KeyBias(layer), WeightNames.ValueBias(layer)] : [],
                3 * c,
                c),
            Matrix(
                $"attention output of block {layer}", [WeightNames.AttentionOutput(layer)], [WeightNames.AttentionOutputBias(layer)], c,
                c),
            Vector(WeightNames.FeedForwardNormScale(layer), c),
            Vector(WeightNames.FeedForwardNormShift(layer), c),
            Matrix(
                $"first feed-forward layer of block {layer}", [WeightNames.FeedForwardIn(layer)],
                [WeightNames.FeedForwardInBias(layer)], f, c),
            Matrix(
                $"second feed-forward layer of block {layer}", [WeightNames.FeedForwardOut(layer)],
                [WeightNames.FeedForwardOutBias(layer)], c, f));
    }

    private TMatrix Matrix(string label, string[] names, string[] biasNames, int rows, int columns)
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
