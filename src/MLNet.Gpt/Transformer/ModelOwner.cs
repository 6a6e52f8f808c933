namespace MLNet.Gpt.Transformer;

/// <summary>Owns a model for the transformers that share it: the last one to be disposed disposes the model.</summary>
internal sealed class ModelOwner(GptModel model)
{
    private int _transformers;

    public GptModel Model => model;

    /// <summary>Counts one more transformer.</summary>
    public void Add() => Interlocked.Increment(ref _transformers);

    /// <summary>Counts one transformer fewer.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref _transformers) == 0) model.Dispose();
    }
}
