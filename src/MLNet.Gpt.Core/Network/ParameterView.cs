namespace MLNet.Gpt.Network;

/// <summary>The weights as they are.</summary>
internal sealed unsafe class ParameterView(Parameters parameters) : IWeightSource
{
    public GptConfig Config => parameters.Layout.Config;

    public void Read(string name, long start, Span<float> destination)
    {
        using var lease = parameters.Borrow();
        var slot = parameters.Layout[name];
        if (start < 0 || start > slot.Length - destination.Length)
        {
            throw new ArgumentOutOfRangeException(
                nameof(start), start, $"{destination.Length} elements from {start} reach outside '{name}', which has {slot.Length}.");
        }

        new ReadOnlySpan<float>(parameters.Values + slot.Offset + start, destination.Length).CopyTo(destination);
    }
}
