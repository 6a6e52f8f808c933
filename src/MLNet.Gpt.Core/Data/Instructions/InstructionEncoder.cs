using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>
/// Turns instructions and responses into sequences to learn from or to measure, in which only the tokens of the response and
/// those that end it count. Thread-safe.
/// </summary>
/// <remarks>
/// The prompt and the response are encoded separately, so that no token spans their boundary, and a prompt has the same tokens
/// as when a response to it is generated. The sequences are those of <c>TrainingData.FromSequences</c>, which learns from them,
/// and a <c>ResponseScorer</c> measures the loss of their responses.
/// </remarks>
public sealed class InstructionEncoder
{
    private readonly ITextTokenizer _tokenizer;
    private readonly int _contextLength;
    private readonly OverlongExamples _overlong;

    /// <summary>Creates an encoder for a model.</summary>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="contextLength">
    /// The model's context length; a sequence may have one token more, which is predicted but not read.
    /// </param>
    /// <param name="options">How examples are written; the defaults if <see langword="null"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The context length is below 1.</exception>
    /// <exception cref="NotSupportedException">
    /// The options have no template, and that of the model's files is of no known family.
    /// </exception>
    public InstructionEncoder(ITextTokenizer tokenizer, int contextLength, InstructionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        (_tokenizer, _contextLength) = (tokenizer, Check.AtLeast(contextLength, 1, nameof(contextLength)));
        options ??= new();
        (Template, _overlong) = (options.Template ?? PromptTemplate.Of(tokenizer), options.Overlong);
    }

    /// <summary>How examples are written.</summary>
    public PromptTemplate Template { get; }

    /// <summary>Returns the sequences of examples.</summary>
    /// <param name="examples">The examples.</param>
    /// <param name="cancellationToken">Cancels encoding.</param>
    /// <exception cref="ArgumentException">
    /// A response is empty, or cut off entirely because its prompt fills the context, or an example is too long and the options
    /// refuse it. The message has its index, from 0.
    /// </exception>
    /// <exception cref="OperationCanceledException">Encoding was canceled.</exception>
    public IReadOnlyList<TrainingSequence> Encode(
        IEnumerable<InstructionExample> examples, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(examples);
        return [.. examples.Select((example, i) => Encode(example, i, cancellationToken))];
    }

    /// <summary>Returns the sequence of an example.</summary>
    /// <param name="example">The example.</param>
    /// <param name="index">Its index, for messages.</param>
    /// <param name="cancellationToken">Cancels encoding.</param>
    /// <inheritdoc cref="Encode(IEnumerable{InstructionExample}, CancellationToken)" path="/exception"/>
    public TrainingSequence Encode(InstructionExample example, int index = 0, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(example);
        cancellationToken.ThrowIfCancellationRequested();
        var (prompt, response, end) = Template.Encode(example, _tokenizer, cancellationToken);
        if (example.Response.Length == 0 || response.Length == 0) throw Refused($"Example {index} has an empty response.");
        if (prompt.Length == 0) throw Refused($"The prompt of example {index} has no tokens to predict a response from.");
        int[] ids = [.. prompt, .. response, .. end];
        if (ids.Length > _contextLength + 1)
        {
            string length = $"has {Quantity.Of(ids.Length, "token")}, {prompt.Length} of them in its prompt; "
                + $"with a context length of {_contextLength}, {_contextLength + 1} fit";
            if (prompt.Length > _contextLength) throw Refused($"Example {index} {length}, so that nothing is left of its response.");
            if (_overlong == OverlongExamples.Refuse) throw Refused($"Example {index} {length}.");
            ids = ids[..(_contextLength + 1)];
        }

        return new(ids) { FirstTarget = prompt.Length };

        static ArgumentException Refused(string message) => new(message, nameof(example));
    }
}
