using Microsoft.ML.Data;

namespace MLNet.Gpt.Rows;

/// <summary>Creates the columns of a classifier: the predicted label, unless it predicts a number, and the scores.</summary>
internal static class ClassifierColumns
{
    private const string Score = "Score", PredictedLabel = "PredictedLabel";

    /// <param name="names">Their names.</param>
    /// <param name="labels">The names of the classes; <see langword="null"/> for regression.</param>
    /// <param name="keys">What the keys of the predicted label stand for, if anything.</param>
    /// <param name="predict">Returns the prediction from the last token's hidden state.</param>
    public static OutputColumn[] Create(
        TextColumns names, IReadOnlyList<string>? labels, LabelKeys? keys, Func<float[], TextPrediction> predict)
    {
        if (labels is null)
        {
            return [
                OutputColumn.Create(
                    names.Score, NumberDataViewType.Single, TextParts.Embedding,
                    (RowResult row, ref float value) => value = PredictionOf(row)?.Score ?? float.NaN,
                    notes => notes.AddScore(Score, "Regression")),
            ];
        }

        const string Task = "MulticlassClassification";
        return [
            OutputColumn.Create(
                names.PredictedLabel, new KeyDataViewType(typeof(uint), labels.Count), TextParts.Embedding,
                (RowResult row, ref uint value) => value = PredictionOf(row) is { } prediction ? (uint)prediction.Index + 1 : 0,
                notes =>
                {
                    notes.AddScore(PredictedLabel, Task);
                    if (keys is not null) notes.AddKeyValues(keys);
                }),
            OutputColumn.Create(
                names.Score, new VectorDataViewType(NumberDataViewType.Single, labels.Count), TextParts.Embedding,
                (RowResult row, ref VBuffer<float> value) =>
                {
                    var scores = PredictionOf(row)?.Scores;
                    var editor = VBufferEditor.Create(ref value, labels.Count);
                    for (int i = 0; i < labels.Count; i++) editor.Values[i] = scores?[i] ?? float.NaN;
                    value = editor.Commit();
                },
                notes =>
                {
                    notes.AddScore(Score, Task);
                    notes.AddSlotNames([.. labels.Select(label => label.AsMemory())]);
                }),
        ];

        // There is none of a text that is empty if the vocabulary has no token to stand for it.
        TextPrediction? PredictionOf(RowResult row) => row.Text.Ids.Length == 0 ? null : predict(row.Embedding);
    }
}
