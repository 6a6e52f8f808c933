using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>What a <see cref="GptInstructionTrainer"/> reads, and how it trains.</summary>
public sealed record GptInstructionTrainerOptions
{
    /// <summary>The column of instructions; text.</summary>
    /// <value><c>Prompt</c>.</value>
    public string PromptColumnName { get; init => field = Check.NotEmpty(value, nameof(PromptColumnName)); } = "Prompt";

    /// <summary>The column of responses; text.</summary>
    /// <value><c>Response</c>.</value>
    public string ResponseColumnName { get; init => field = Check.NotEmpty(value, nameof(ResponseColumnName)); } = "Response";

    /// <summary>The column of what the instructions are about; text, which is empty where there is none.</summary>
    /// <value><see langword="null"/>: there is no such column.</value>
    public string? InputColumnName
    {
        get;
        init => field = value is null ? null : Check.NotEmpty(value, nameof(InputColumnName));
    }

    /// <summary>How instructions and responses are written.</summary>
    /// <value>The defaults of <see cref="InstructionOptions"/>.</value>
    public InstructionOptions Instructions { get; init; } = new();

    /// <summary>
    /// The model that training starts from, how it is trained, and what the trained transformer does. A batch is a number of rows;
    /// <see cref="TrainingOptions.ValidationFraction"/> is a fraction of the rows, drawn with the seed. The lengths and strides of
    /// windows are not used.
    /// </summary>
    /// <value>
    /// The defaults of <see cref="GptTrainerOptions"/>, with <see cref="GptTransformerOptions.InputColumnName"/> <c>Prompt</c>.
    /// </value>
    public GptTrainerOptions Trainer { get; init; } = new() { Transformer = new() { InputColumnName = "Prompt" } };
}
