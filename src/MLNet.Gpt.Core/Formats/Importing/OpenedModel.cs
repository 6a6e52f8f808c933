using MLNet.Gpt.Formats.Layouts;

namespace MLNet.Gpt.Formats.Importing;

/// <summary>A model opened by a format's reader.</summary>
/// <param name="Format">The format and who writes it.</param>
/// <param name="Weights">The weights and where they are.</param>
/// <param name="ReadTokenizer">Reads the tokenizer that belongs to them, or returns <see langword="null"/>.</param>
internal sealed record OpenedModel(string Format, WeightMap Weights, Func<ITextTokenizer?> ReadTokenizer);
