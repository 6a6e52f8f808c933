namespace MLNet.Gpt;

/// <summary>What a loss is divided by.</summary>
public enum LossUnit
{
    /// <summary>Bits per UTF-8 byte: comparable between models of different tokenizers.</summary>
    BitsPerByte,

    /// <summary>Nats per token: for models that share a tokenizer.</summary>
    NatsPerToken,
}
