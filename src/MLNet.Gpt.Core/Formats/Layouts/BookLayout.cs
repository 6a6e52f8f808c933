using System.Text.RegularExpressions;
using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Formats.Layouts;

/// <summary>
/// The state dict of the book's model: the names of <see cref="WeightNames"/>, and in each block a mask that is no
/// weight.
/// </summary>
internal sealed partial class BookLayout : IWeightLayout
{
    private BookLayout()
    {
    }

    public static BookLayout Instance { get; } = new();

    public string TokenEmbedding => WeightNames.TokenEmbedding;

    public string PositionEmbedding => WeightNames.PositionEmbedding;

    public string Head => WeightNames.Head;

    public string Query(int layer) => WeightNames.Query(layer);

    public string QueryBias(int layer) => WeightNames.QueryBias(layer);

    public IEnumerable<WeightPlace> Places(GptConfig config) =>
        WeightNames.For(config).Select(entry => new WeightPlace(entry.Name, entry.Name, [.. entry.Shape.Select(size => (long)size)]));

    public bool IsNoWeight(string tensor) => Mask().IsMatch(tensor);

    public bool LacksBiases(IReadOnlyDictionary<string, FileTensor> tensors) => false;

    [GeneratedRegex(@"^trf_blocks\.[0-9]{1,9}\.att\.mask$", RegexOptions.CultureInvariant)]
    private static partial Regex Mask();
}
