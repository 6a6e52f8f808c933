using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using MLNet.Gpt;

namespace MLNetGpt.Cmdlets;

/// <summary>
/// What <c>Resume-GptTraining</c> needs besides checkpoints, in the same folder: the settings, and the tokens or the text
/// if they do not come from a token file.
/// </summary>
internal sealed record SavedRun
{
    private const string Mark = "mlnetgpt-training", FileName = ".training.json";

    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter() },
        TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { LeaveOut } },
    };

    /// <summary><see cref="Mark"/>.</summary>
    public string Format { get; init; } = Mark;

    /// <summary>The version of this file.</summary>
    public int Version { get; init; } = 1;

    /// <summary>The model's name.</summary>
    public required string Name { get; init; }

    /// <summary>The numeric type of the trained model's matrices in memory.</summary>
    public required WeightPrecision Precision { get; init; }

    /// <summary>The engine, which <see cref="Options"/> has as an object.</summary>
    public required TrainingEngineName Engine { get; init; }

    /// <summary>The settings, without those that are objects.</summary>
    public required TrainingOptions Options { get; init; }

    /// <summary>The prompt of samples.</summary>
    public string? SamplePrompt { get; init; }

    /// <summary>The length of samples.</summary>
    public int? SampleToken { get; init; }

    /// <summary>Steps between two checkpoints.</summary>
    public int? CheckpointInterval { get; init; }

    /// <summary>Checkpoints that are kept.</summary>
    public int? CheckpointCount { get; init; }

    /// <summary>The token file that the data are read from; <see langword="null"/> if they are in this folder.</summary>
    public string? TokenFile { get; init; }

    /// <summary>The template of instructions; <see langword="null"/> if the data are text.</summary>
    public string? Template { get; init; }

    /// <summary>The file of instructions in a folder.</summary>
    public static string InstructionsIn(string folder) => Path.Combine(folder, ".training.instructions.json");

    /// <summary>Writes instructions into a folder, as <see cref="InstructionFile"/> reads them.</summary>
    public static void WriteInstructions(string folder, IEnumerable<InstructionExample> examples) => AtomicTextFile.Write(
        InstructionsIn(folder),
        JsonSerializer.Serialize(examples.Select(each => new Dictionary<string, string>
        {
            ["instruction"] = each.Prompt, ["input"] = each.Input, ["output"] = each.Response,
        })));

    /// <summary>The file of tokens in a folder.</summary>
    public static string TokensIn(string folder) => Path.Combine(folder, ".training.tokens");

    /// <summary>The file of text in a folder.</summary>
    public static string TextIn(string folder) => Path.Combine(folder, ".training.txt");

    /// <summary>Writes the settings into a folder.</summary>
    public void Write(string folder) => AtomicTextFile.Write(Path.Combine(folder, FileName), JsonSerializer.Serialize(this, Json));

    /// <summary>Reads the settings of a folder.</summary>
    /// <exception cref="FileNotFoundException">The folder has none.</exception>
    /// <exception cref="InvalidDataException">They are damaged, or of a later version.</exception>
    public static SavedRun Read(string folder)
    {
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
        {
            throw new FileNotFoundException(
                $"'{folder}' has no {FileName}: it is not the -CheckpointPath of a training by Invoke-GptTraining. "
                + "Another training is resumed by calling it again with -Resume and the same data and settings.",
                path);
        }

        try
        {
            var saved = JsonSerializer.Deserialize<SavedRun>(File.ReadAllText(path), Json);
            return saved is { Format: Mark, Version: 1, Options: not null }
                ? saved
                : throw new InvalidDataException($"'{path}' is damaged, or of a later version.");
        }
        catch (Exception damaged) when (damaged is JsonException or ArgumentException or NotSupportedException)
        {
            throw new InvalidDataException($"'{path}' is damaged: {damaged.Message}", damaged);
        }
    }

    /// <summary>Returns the settings with the objects that they refer to, to resume from the checkpoints of a folder.</summary>
    public TrainingOptions Complete(string folder, ITextTokenizer tokenizer) => Options with
    {
        Engine = TrainingEngines.Load(Engine),
        Sample = SampleOf(SamplePrompt, SampleToken, tokenizer),
        Checkpoints = CheckpointsIn(folder, CheckpointInterval, CheckpointCount, ExistingCheckpoints.Resume, tokenizer),
    };

    /// <summary>Returns the sample that follows each epoch; <see langword="null"/> without a prompt.</summary>
    public static SampleOptions? SampleOf(string? prompt, int? tokens, ITextTokenizer tokenizer)
    {
        if (prompt is null) return null;
        var sample = new SampleOptions(prompt) { Tokenizer = tokenizer };
        return tokens is { } most ? sample with { Generation = sample.Generation with { MaxTokens = most } } : sample;
    }

    /// <summary>Returns how checkpoints are written into a folder; <see langword="null"/> without one.</summary>
    public static CheckpointOptions? CheckpointsIn(
        string? folder, int? interval, int? count, ExistingCheckpoints existing, ITextTokenizer tokenizer)
    {
        if (folder is null) return null;
        var checkpoints = new CheckpointOptions(folder) { Interval = interval, Existing = existing, Tokenizer = tokenizer };
        return count is { } kept ? checkpoints with { Keep = kept } : checkpoints;
    }

    /// <summary>Opens the tokens; <see langword="null"/> if the data are text.</summary>
    public MLNet.Gpt.TokenFile? OpenTokens(string folder) =>
        Template is not null ? null
        : TokenFile is not null ? MLNet.Gpt.TokenFile.Open(TokenFile)
        : Engine == TrainingEngineName.PyTorchExact ? null
        : MLNet.Gpt.TokenFile.Open(TokensIn(folder));

    private static void LeaveOut(JsonTypeInfo type)
    {
        if (type.Type != typeof(TrainingOptions)) return;
        string[] objects =
        [
            nameof(TrainingOptions.Engine), nameof(TrainingOptions.Sample), nameof(TrainingOptions.Checkpoints),
            nameof(TrainingOptions.InitialAdapter),
        ];
        foreach (var property in type.Properties.ToArray())
        {
            if (objects.Contains(property.Name)) type.Properties.Remove(property);
        }
    }
}
