using System.Diagnostics;
using System.Management.Automation;
using MLNet.Gpt;
using MLNetGpt.Arguments;
using MLNetGpt.Completers;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Continues texts: <c>Invoke-GptGenerate</c>.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "GptGenerate", DefaultParameterSetName = PromptSet)]
[OutputType(typeof(GptGeneration), typeof(string))]
public sealed class InvokeGptGenerateCommand : GenerationCommand
{
    private const string PromptSet = "Prompt";
    private const string PipelineSet = "Pipeline";

    private readonly List<(string Prompt, string Text)> _waiting = []; // as given, and as the model reads it

    private PromptTemplate? _template;

    /// <summary>The texts to continue: strings, or objects with a property <c>Prompt</c> or <c>Text</c>.</summary>
    [Parameter(
        Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = PromptSet)]
    [Parameter(Mandatory = true, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = PipelineSet)]
    [Alias("Text", "Instruction")]
    [TextArgument(nameof(Prompt), "Text", "Instruction")]
    [AllowEmptyString]
    public string[] Prompt { get; set; } = [];

    /// <inheritdoc/>
    [Parameter(Position = 1, ParameterSetName = PromptSet)]
    [Parameter(Position = 0, ParameterSetName = PipelineSet)]
    [ModelArgument]
    [ValidateNotNull]
    [ArgumentCompleter(typeof(ModelFileCompleter))]
    public override LanguageModel Model { get; set; } = null!;

    /// <summary>
    /// How the model was taught to read a prompt: the name of a template, or a text with placeholders. The response follows.
    /// </summary>
    [Parameter]
    [ArgumentCompleter(typeof(TemplateCompleter))]
    public string? Template { get; set; }

    /// <summary>With -Template, what the prompt is about.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("Input")]
    [AllowNull]
    [AllowEmptyString]
    public string? InputText { get; set; }

    /// <summary>The number of continuations of each prompt.</summary>
    [Parameter]
    [Alias("Sample", "num_return_sequences")]
    [ValidateRange(1, int.MaxValue)]
    public int SampleCount { get; set; } = 1;

    /// <summary>Returns each token with its log-probability.</summary>
    [Parameter]
    public SwitchParameter LogProbability { get; set; }

    /// <summary>The number of most probable tokens to return with each token.</summary>
    [Parameter]
    [Alias("top_logprobs")]
    [ValidateRange(0, int.MaxValue)]
    public int CandidateCount { get; set; }

    /// <summary>The number of texts that are written side by side.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? BatchSize { get; set; }

    /// <summary>Writes text as it comes.</summary>
    [Parameter]
    public SwitchParameter Stream { get; set; }

    private bool IsOneAtATime => Stream || LookupDecoding;

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        if (Stream && SampleCount > 1)
        {
            Terminate(
                new ArgumentException(FormattableString.Invariant($"-Stream shows one text as it comes; -SampleCount is {SampleCount}.")),
                "StreamOfSeveralSamples",
                ErrorCategory.InvalidArgument,
                SampleCount);
        }

        if (Stream && LogProbability) RefuseWith(nameof(LogProbability), nameof(Stream));
        if (Stream && CandidateCount > 0) RefuseWith(nameof(CandidateCount), nameof(Stream));
        if (Stream && BatchSize is not null) RefuseWith(nameof(BatchSize), nameof(Stream));
        if (LookupDecoding && BatchSize is not null) RefuseWith(nameof(BatchSize), nameof(LookupDecoding));
        if (LookupDecoding && SampleCount > 1) RefuseWith(nameof(SampleCount), nameof(LookupDecoding));
        bool hasInput = MyInvocation.BoundParameters.ContainsKey(nameof(InputText));
        if (Template is null && hasInput) RefuseWithout(nameof(InputText), nameof(Template));
        try
        {
            if (Template is not null) _template = PromptTemplate.Parse(Template);
        }
        catch (ArgumentException unknown)
        {
            Terminate(ParameterNames.Plain(unknown), "TemplateInvalid", ErrorCategory.InvalidArgument, Template);
        }

        base.BeginProcessing();
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string prompt in Prompt)
        {
            string text = _template?.Format(prompt, InputText) ?? prompt;
            if (IsOneAtATime || SampleCount > 1)
            {
                Continue(prompt, () => Generate(prompt, text));
                continue;
            }

            _waiting.Add((prompt, text));
            if (_waiting.Count == Options.BatchSize) GenerateBatch();
        }
    }

    /// <inheritdoc/>
    protected override void EndProcessing() => GenerateBatch();

    private protected override GenerationOptions CreateOptions()
    {
        var options = base.CreateOptions() with { ReturnLogProbabilities = LogProbability, CandidateCount = CandidateCount };
        if (_template is { ResponseEnd.Length: > 0 } template)
        {
            options = options with { StopSequences = [.. options.StopSequences, template.ResponseEnd] };
        }

        return BatchSize is { } size ? options with { BatchSize = size } : options;
    }

    private void GenerateBatch()
    {
        (string Prompt, string Text)[] prompts = [.. _waiting];
        _waiting.Clear();
        int done = 0;
        if (prompts.Length > 1)
        {
            var clock = Stopwatch.StartNew();
            try
            {
                foreach (var text in Generator.GenerateBatch([.. prompts.Select(each => each.Text)], cancellationToken: StopToken))
                {
                    WriteObject(new GptGeneration(prompts[done++].Prompt, text, Model.Config.VocabularySize, clock.Elapsed));
                }
            }
            catch (Exception refused) when (refused is ArgumentException or InvalidOperationException)
            {
                WriteDebug($"Each of the prompts left is continued alone, so that the error names its prompt: {refused.Message}");
            }
            catch (OperationCanceledException) when (Stopping)
            {
                throw new PipelineStoppedException();
            }
        }

        foreach (var (prompt, text) in prompts.Skip(done)) Continue(prompt, () => Generate(prompt, text));
    }

    private void Generate(string prompt, string text)
    {
        if (Stream)
        {
            // The generator works on other threads; what it has ready is written from the pipeline's own.
            foreach (var chunk in Generator.StreamAsync(text, cancellationToken: StopToken).ToBlockingEnumerable(StopToken))
            {
                if (chunk.Text.Length > 0) WriteObject(chunk.Text);
            }

            return;
        }

        var clock = Stopwatch.StartNew();
        foreach (var generated in Generator.GenerateSamples(text, SampleCount, cancellationToken: StopToken))
        {
            WriteObject(new GptGeneration(prompt, generated, Model.Config.VocabularySize, clock.Elapsed));
        }
    }
}
