using System.Diagnostics;
using System.Management.Automation;
using MLNet.Gpt;
using MLNetGpt.Arguments;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Loads models for cmdlets: warnings, progress and errors reach the user as PowerShell's.</summary>
internal static class ModelLoading
{
    /// <summary>Loads a model from a file or folder with the default options.</summary>
    public static LanguageModel Load(Cmdlet command, string path, CancellationToken cancellationToken)
    {
        FirstMeasurement.Prepare();
        if (GptClassifier.IsClassifier(path)) return LoadClassifier(command, path, new(), tokenizer: null, cancellationToken);
        using var file = GptModelFile.Open(path, cancellationToken: cancellationToken);
        return Load(command, file, new(), tokenizer: null, cancellationToken);
    }

    /// <summary>Loads a model from an open file.</summary>
    public static LanguageModel Load(
        Cmdlet command, GptModelFile file, GptModelOptions options, ITextTokenizer? tokenizer, CancellationToken cancellationToken,
        params IReadOnlyList<string> adapters)
    {
        var clock = Stopwatch.StartNew();
        foreach (string warning in file.Warnings) command.WriteWarning(warning);
        var progress = new LoadReporter(command, NameOf(file));
        LoraAdapter[] read = [.. adapters.Select(path => LoraAdapter.Load(path, file.Config))];
        var engine = GptModel.FromFile(file, options, tokenizer, progress, cancellationToken);
        foreach (var adapter in read)
        {
            using var below = engine;
            engine = below.WithAdapter(adapter);
        }

        progress.Complete();
        string size = FormattableString.Invariant($"{engine.WeightBytes / 1e6:N0} MB, in {clock.Elapsed.TotalSeconds:F2} s");
        command.WriteVerbose($"Loaded '{file.Path}' ({FormatOf(file)}) as {options.Precision}, {size}.");
        return new LanguageModel(NameOf(file), FormatOf(file), file.Path, engine) { Adapter = read };
    }

    /// <summary>Loads a classifier from a folder.</summary>
    public static LanguageModel LoadClassifier(
        Cmdlet command, string path, GptModelOptions options, ITextTokenizer? tokenizer, CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();
        string name = NameOf(path);
        var progress = new LoadReporter(command, name);
        var classifier = GptClassifier.Load(path, options, tokenizer, progress, cancellationToken);
        progress.Complete();
        command.WriteVerbose(FormattableString.Invariant(
            $"Loaded '{path}', a classifier of {classifier.Labels.Count} labels, in {clock.Elapsed.TotalSeconds:F2} s."));
        return new LanguageModel(name, "Hugging Face classifier", path, classifier.Model, classifier);
    }

    /// <summary>Returns the error record of a model that cannot be loaded; <see langword="null"/> for other errors.</summary>
    public static ErrorRecord? ErrorOf(Exception error, object target) => error switch
    {
        InvalidDataException => new(error, "ModelFileInvalid", ErrorCategory.InvalidData, target),
        ArgumentException refused => new(ParameterNames.Plain(refused), "InputRefused", ErrorCategory.InvalidArgument, target),
        IOException or UnauthorizedAccessException => new(error, "FileUnreadable", ErrorCategory.ReadError, target),
        _ => null,
    };

    /// <summary>Returns the name of a model: that of its file or folder.</summary>
    public static string NameOf(GptModelFile file) => NameOf(file.Path);

    private static string NameOf(string path)
    {
        path = Path.TrimEndingDirectorySeparator(path);
        return Directory.Exists(path) ? Path.GetFileName(path) : Path.GetFileNameWithoutExtension(path);
    }

    private static string FormatOf(GptModelFile file) => $"{file.Format}, {file.DataType}";

    /// <summary>Shows the progress of loading, on the pipeline's thread.</summary>
    private sealed class LoadReporter(Cmdlet command, string name) : IProgress<double>
    {
        private readonly ProgressBar _bar = new(command, $"Loading {name}", TimeSpan.FromMilliseconds(400));

        public void Report(double value)
        {
            if (_bar.IsDue) _bar.Draw("Reading weights", (int)(100 * value));
        }

        public void Complete() => _bar.Complete();
    }
}
