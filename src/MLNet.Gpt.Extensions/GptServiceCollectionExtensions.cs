using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection.Extensions;
using MLNet.Gpt;
using MLNet.Gpt.Extensions;

// Not the folder's namespace, because programs that use a service collection already import this one.
#pragma warning disable IDE0130
namespace Microsoft.Extensions.DependencyInjection;
#pragma warning restore IDE0130

/// <summary>Adds GPT models and ML.NET pipelines to an application's services.</summary>
public static class GptServiceCollectionExtensions
{
    /// <summary>
    /// Adds a model, loaded once when it is first requested, and the types that work with it, all as singletons:
    /// <see cref="GptModel"/>, <see cref="TextGenerator"/>, <see cref="TextScorer"/>, <see cref="NextTokenPredictor"/>.
    /// </summary>
    /// <param name="services">The application's services.</param>
    /// <param name="path">A file or folder that <see cref="GptModel.Load"/> loads.</param>
    /// <param name="options">Precision and threads; the defaults if <see langword="null"/>.</param>
    /// <returns>The same services.</returns>
    public static IServiceCollection AddGptModel(this IServiceCollection services, string path, GptModelOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return services.AddGptModel(_ => GptModel.Load(path, options));
    }

    /// <summary>
    /// Adds a model that the application creates when it is first requested, and the types that work with it, all as singletons:
    /// <see cref="GptModel"/>, <see cref="TextGenerator"/>, <see cref="TextScorer"/>, <see cref="NextTokenPredictor"/>.
    /// </summary>
    /// <param name="services">The application's services.</param>
    /// <param name="factory">Creates the model; the application's container disposes it.</param>
    /// <returns>The same services.</returns>
    public static IServiceCollection AddGptModel(this IServiceCollection services, Func<IServiceProvider, GptModel> factory)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(factory);
        services.TryAddSingleton(factory);
        services.TryAddSingleton(provider => new TextGenerator(provider.GetRequiredService<GptModel>()));
        services.TryAddSingleton(provider => new TextScorer(provider.GetRequiredService<GptModel>()));
        services.TryAddSingleton(provider => new NextTokenPredictor(provider.GetRequiredService<GptModel>()));
        return services;
    }

    /// <summary>
    /// Adds a <see cref="GptChatClient"/> over the model of <c>AddGptModel</c> as the application's <see cref="IChatClient"/>.
    /// GPT-2 continues text; it does not chat.
    /// </summary>
    /// <param name="services">The application's services.</param>
    /// <param name="options">The options; the defaults if <see langword="null"/>.</param>
    /// <returns>The same services.</returns>
    public static IServiceCollection AddGptChatClient(this IServiceCollection services, GptChatClientOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddSingleton<IChatClient>(provider => new GptChatClient(provider.GetRequiredService<GptModel>(), options));
        return services;
    }

    /// <summary>
    /// Adds a <see cref="GptEmbeddingGenerator"/> over the model of <c>AddGptModel</c> as the application's
    /// <see cref="IEmbeddingGenerator{TInput, TEmbedding}"/> of strings.
    /// </summary>
    /// <param name="services">The application's services.</param>
    /// <param name="options">How texts become vectors; the defaults if <see langword="null"/>.</param>
    /// <returns>The same services.</returns>
    public static IServiceCollection AddGptEmbeddingGenerator(this IServiceCollection services, EmbeddingOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddSingleton<IEmbeddingGenerator<string, Embedding<float>>>(
            provider => new GptEmbeddingGenerator(provider.GetRequiredService<GptModel>(), options));
        return services;
    }

    /// <summary>
    /// Adds a <see cref="PredictionPool{TData, TPrediction}"/> over a pipeline saved by <c>ml.Model.Save</c>, as a
    /// singleton that is loaded when it is first requested.
    /// </summary>
    /// <typeparam name="TData">The class of input rows.</typeparam>
    /// <typeparam name="TPrediction">The columns to read.</typeparam>
    /// <param name="services">The application's services.</param>
    /// <param name="path">The pipeline's file.</param>
    /// <returns>The same services.</returns>
    public static IServiceCollection AddPredictionPool<TData, TPrediction>(this IServiceCollection services, string path)
        where TData : class
        where TPrediction : class, new()
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(path);
        services.TryAddSingleton(_ => PredictionPool<TData, TPrediction>.Load(path));
        return services;
    }
}
