using Microsoft.Extensions.AI;

namespace MLNet.Gpt.Extensions;

/// <summary>
/// Exposes the vectors of a <see cref="TextEmbedder"/> through Microsoft.Extensions.AI. GPT-2 was trained to predict
/// tokens, not to place texts of like meaning near each other. Thread-safe.
/// </summary>
public sealed class GptEmbeddingGenerator : IEmbeddingGenerator<string, Embedding<float>>
{
    private readonly GptModel _model;
    private readonly TextEmbedder _embedder;
    private readonly string _modelId;
    private readonly EmbeddingGeneratorMetadata _metadata;

    /// <summary>Creates a generator for a model.</summary>
    /// <param name="model">The model. The caller disposes it; disposing the generator does not.</param>
    /// <param name="options">
    /// How texts become vectors; by default the mean over the tokens, with special tokens read as plain text.
    /// </param>
    /// <param name="modelId">
    /// The name in results, and the only one that <see cref="EmbeddingGenerationOptions.ModelId"/> may request.
    /// </param>
    public GptEmbeddingGenerator(GptModel model, EmbeddingOptions? options = null, string modelId = "gpt2")
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentException.ThrowIfNullOrWhiteSpace(modelId);
        (_model, _modelId) = (model, modelId);
        _embedder = new(model, options ?? new() { SpecialTokens = SpecialTokens.Literal });
        _metadata = new("MLNet.Gpt", providerUri: null, modelId, model.Config.EmbeddingWidth);
    }

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">The call requests another number of dimensions than the model has.</exception>
    /// <exception cref="ArgumentException">A text has no token, or the call requests another model.</exception>
    public Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(
        IEnumerable<string> values, EmbeddingGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (options?.Dimensions is { } dimensions && dimensions != _model.Config.EmbeddingWidth)
        {
            throw new NotSupportedException($"The call requests {dimensions} dimensions; the model has {_model.Config.EmbeddingWidth}.");
        }

        if (options?.ModelId is { } requested && requested != _modelId)
        {
            throw new ArgumentException($"The call requests the model '{requested}'; this is '{_modelId}'.", nameof(options));
        }

        string[] texts = [.. values];
        return Task.Run(() => Generate(texts, cancellationToken), cancellationToken);
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is not null) return null;
        if (serviceType == typeof(EmbeddingGeneratorMetadata)) return _metadata;
        if (serviceType == typeof(GptModel)) return _model;
        return serviceType.IsInstanceOfType(this) ? this : null;
    }

    /// <summary>Does nothing: the model is the caller's.</summary>
    public void Dispose()
    {
    }

    private GeneratedEmbeddings<Embedding<float>> Generate(string[] texts, CancellationToken cancellationToken)
    {
        int[][] ids = [.. texts.Select(text => _embedder.Encode(text))];
        var vectors = _embedder.Embed(ids, cancellationToken);
        long tokens = ids.Sum(row => (long)row.Length);
        return new(vectors.Select(vector => new Embedding<float>(vector) { ModelId = _modelId, CreatedAt = DateTimeOffset.UtcNow }))
        {
            Usage = new() { InputTokenCount = tokens, TotalTokenCount = tokens },
        };
    }
}
