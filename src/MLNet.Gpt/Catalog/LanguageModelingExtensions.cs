using Microsoft.ML;

namespace MLNet.Gpt;

/// <summary>Adds language modeling to ML.NET's own tasks.</summary>
public static class LanguageModelingExtensions
{
    extension(MLContext mlContext)
    {
        /// <summary>Language modeling: trainers, models in pipelines, evaluation.</summary>
        public LanguageModelingCatalog LanguageModeling => new(mlContext);
    }

    /// <summary>Returns what the property <c>LanguageModeling</c> returns, for F#, Visual Basic and C# before version 14.</summary>
    public static LanguageModelingCatalog GetLanguageModeling(this MLContext mlContext) => new(mlContext);
}
