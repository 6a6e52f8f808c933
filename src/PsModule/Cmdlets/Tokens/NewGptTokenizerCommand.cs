using System.Management.Automation;
using MLNet.Gpt;
using MLNet.Gpt.Configuration;
using MLNetGpt.Arguments;

namespace MLNetGpt.Cmdlets;

/// <summary>Learns a tokenizer's vocabulary from texts: <c>New-GptTokenizer</c>.</summary>
[Cmdlet(VerbsCommon.New, "GptTokenizer", DefaultParameterSetName = TextSet, SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class NewGptTokenizerCommand : TextProductCommand, IProgress<double>
{
    private static readonly ParameterNames Names = new(
        typeof(BytePairTrainerOptions),
        (nameof(BytePairTrainerOptions.SpecialTokens), nameof(SpecialToken)),
        (nameof(BytePairTrainerOptions.SplitLike), nameof(Model)));

    private BytePairTrainerOptions _options = new();

    /// <summary>The number of ids.</summary>
    [Parameter]
    public int VocabularySize { get; set; } = 4096;

    /// <summary>The special tokens; the first ends a document.</summary>
    [Parameter]
    [AllowEmptyCollection]
    public string[]? SpecialToken { get; set; }

    /// <summary>How often a pair must occur to become a token.</summary>
    [Parameter]
    public int? MinimumFrequency { get; set; }

    private protected override string Action =>
        FormattableString.Invariant($"Learn a vocabulary of {VocabularySize:N0} from ") + Quantity.Of(Texts.Count, "text", "N0");

    /// <inheritdoc/>
    public void Report(double value)
    {
        if (Bar.IsDue) Bar.Draw(FormattableString.Invariant($"{value:P0} of {VocabularySize:N0} tokens"), (int)(100 * value));
    }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        try
        {
            var defaults = new BytePairTrainerOptions();
            _options = new()
            {
                SpecialTokens = SpecialToken ?? defaults.SpecialTokens,
                MinimumFrequency = MinimumFrequency ?? defaults.MinimumFrequency,
                SplitLike = Model is null ? null : FindModel(Model)!.Tokenizer,
            };
        }
        catch (ArgumentException refused)
        {
            Terminate(Names.Restate(refused), "InputRefused", ErrorCategory.InvalidArgument, refused.ParamName);
        }

        int least = 256 + _options.SpecialTokens.Count;
        if (VocabularySize >= least) return;
        string bytes = least == 256 ? "the bytes" : "the bytes and the special tokens";
        Terminate(
            new ArgumentException(FormattableString.Invariant(
                $"-VocabularySize is {VocabularySize}; it must be at least {least}, for {bytes}.")),
            "InputRefused", ErrorCategory.InvalidArgument, VocabularySize);
    }

    private protected override void Make(string destination)
    {
        var tokenizer = HasFiles
            ? BytePairTrainer.FromFiles(Texts, VocabularySize, Encoding, _options, this, StopToken)
            : BytePairTrainer.FromTexts(Texts, VocabularySize, _options, this, StopToken);
        if (tokenizer.VocabularySize < VocabularySize)
        {
            WriteWarning(FormattableString.Invariant(
                $"The vocabulary has {tokenizer.VocabularySize:N0} tokens instead of {VocabularySize:N0}: no other pair occurs ")
                + Quantity.Of(_options.MinimumFrequency, "time") + ".");
        }

        TokenizerFile.Save(destination, tokenizer);
        WriteVerbose(FormattableString.Invariant($"{tokenizer.VocabularySize:N0} tokens, {tokenizer.Merges.Count:N0} merges"));
    }
}
