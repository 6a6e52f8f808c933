using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNet.Gpt.Transforms;

/// <summary>The size of the model's vocabulary, carried by the loss column so that an evaluator can tell the baseline.</summary>
internal static class VocabularySizeAnnotation
{
    private const string Kind = "VocabularySize";

    public static DataViewSchema.Annotations Create(int vocabularySize)
    {
        var builder = new DataViewSchema.Annotations.Builder();
        builder.Add(Kind, NumberDataViewType.Int32, (ref int value) => value = vocabularySize);
        return builder.ToAnnotations();
    }

    /// <exception cref="ArgumentException">The column carries no such annotation.</exception>
    public static int Read(DataViewSchema.Column column)
    {
        if (column.Annotations.Schema.GetColumnOrNull(Kind) is null)
        {
            throw new ArgumentException($"Column '{column.Name}' does not say how large the vocabulary is; it must come from a {nameof(GptTransformer)}.");
        }

        int size = 0;
        column.Annotations.GetValue(Kind, ref size);
        return size;
    }
}
