namespace MLNet.Gpt;

/// <summary>The unit of a loss.</summary>
public enum LossUnit
{
    /// <summary>Bits per UTF-8 byte: comparable between models with different tokenizers.</summary>
    BitsPerByte,

    /// <summary>Nats per token: for models that share a tokenizer.</summary>
    NatsPerToken,
}
