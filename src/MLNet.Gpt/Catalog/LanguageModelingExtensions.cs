using Microsoft.ML;

namespace MLNet.Gpt;

/// <summary>Puts language modeling beside ML.NET's own tasks.</summary>
public static class LanguageModelingExtensions
{
    extension(MLContext mlContext)
    {
        /// <summary>Language modeling: trainers, models in pipelines, evaluation.</summary>
        public LanguageModelingCatalog LanguageModeling => new(mlContext);
    }

    /// <summary>The same as the property <c>LanguageModeling</c>, for languages without extension properties.</summary>
    public static LanguageModelingCatalog GetLanguageModeling(this MLContext mlContext) => new(mlContext);
}
