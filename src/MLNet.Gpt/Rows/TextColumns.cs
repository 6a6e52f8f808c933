namespace MLNet.Gpt.Rows;

/// <summary>The columns that a classifier of texts reads and adds; saved with it.</summary>
/// <param name="Sentence1">The column of text.</param>
/// <param name="Sentence2">The column of second texts, if there is one.</param>
/// <param name="Score">The column of probabilities, or of the predicted number.</param>
/// <param name="PredictedLabel">The column of predicted classes; not added for regression.</param>
internal sealed record TextColumns(string Sentence1, string? Sentence2, string Score, string PredictedLabel);
