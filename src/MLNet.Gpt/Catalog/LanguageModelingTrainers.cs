using Microsoft.ML.Runtime;

namespace MLNet.Gpt;

/// <summary>The trainers of language models, accessed through <c>mlContext.LanguageModeling.Trainers</c>.</summary>
public sealed class LanguageModelingTrainers
{
    private readonly IHostEnvironment _environment;

    internal LanguageModelingTrainers(IHostEnvironment environment) => _environment = environment;

    /// <summary>Creates a trainer of GPT models.</summary>
    /// <param name="inputColumnName">The column of text to train on, which the trained transformer reads as well.</param>
    /// <param name="config">
    /// The sizes of the model; those of <see cref="GptTrainerOptions.Config"/> if <see langword="null"/>.
    /// </param>
    /// <param name="epochs">
    /// Passes over the data; the default of <see cref="TrainingOptions.Epochs"/> if <see langword="null"/>.
    /// </param>
    public GptTrainer Gpt(string inputColumnName = "Text", GptConfig? config = null, int? epochs = null)
    {
        var defaults = Defaults(inputColumnName, epochs);
        return Gpt(defaults with { Config = config ?? defaults.Config });
    }

    /// <summary>Creates a trainer that continues to train a model: fine-tuning.</summary>
    /// <param name="inputColumnName">The column of text to train on, which the trained transformer reads as well.</param>
    /// <param name="initialModel">
    /// The model to start from, which is not changed; see <see cref="GptTrainerOptions.InitialModel"/>.
    /// </param>
    /// <param name="epochs">
    /// Passes over the data; the default of <see cref="TrainingOptions.Epochs"/> if <see langword="null"/>.
    /// </param>
    public GptTrainer Gpt(string inputColumnName, GptModel initialModel, int? epochs = null)
    {
        ArgumentNullException.ThrowIfNull(initialModel);
        return Gpt(Defaults(inputColumnName, epochs) with { InitialModel = initialModel });
    }

    /// <summary>Creates a trainer of GPT models, with options.</summary>
    /// <exception cref="ArgumentException">The options are inconsistent.</exception>
    public GptTrainer Gpt(GptTrainerOptions options) => new(_environment, options);

    /// <summary>
    /// Creates a trainer that fine-tunes a model to follow instructions. The loss covers the responses only; the model's own chat
    /// template, or that of Alpaca, joins prompts and responses.
    /// </summary>
    /// <param name="initialModel">
    /// The model to start from, which is not changed; see <see cref="GptTrainerOptions.InitialModel"/>.
    /// </param>
    /// <param name="promptColumnName">The column of instructions, which the trained transformer reads.</param>
    /// <param name="responseColumnName">The column of responses.</param>
    /// <param name="inputColumnName">
    /// The column of what the instructions are about; <see langword="null"/> if there is none.
    /// </param>
    /// <param name="epochs">
    /// Passes over the data; the default of <see cref="TrainingOptions.Epochs"/> if <see langword="null"/>.
    /// </param>
    /// <param name="template">How prompts and responses are joined; see <see cref="InstructionOptions.Template"/>.</param>
    public GptInstructionTrainer GptInstructions(
        GptModel initialModel, string promptColumnName = "Prompt", string responseColumnName = "Response", string? inputColumnName = null,
        int? epochs = null, PromptTemplate? template = null)
    {
        ArgumentNullException.ThrowIfNull(initialModel);
        return GptInstructions(new GptInstructionTrainerOptions
        {
            PromptColumnName = promptColumnName,
            ResponseColumnName = responseColumnName,
            InputColumnName = inputColumnName,
            Instructions = new() { Template = template },
            Trainer = Defaults(promptColumnName, epochs) with { InitialModel = initialModel },
        });
    }

    /// <summary>Creates a trainer that fine-tunes a model to follow instructions, with options.</summary>
    /// <exception cref="ArgumentException">The options are inconsistent.</exception>
    public GptInstructionTrainer GptInstructions(GptInstructionTrainerOptions options) => new(_environment, options);

    private static GptTrainerOptions Defaults(string inputColumnName, int? epochs)
    {
        var defaults = new GptTrainerOptions();
        return defaults with
        {
            Training = epochs is { } count ? defaults.Training with { Epochs = count } : defaults.Training,
            Transformer = defaults.Transformer with { InputColumnName = inputColumnName },
        };
    }
}
