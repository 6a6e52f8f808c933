namespace MLNet.Gpt.Formats.PyTorch;

/// <summary>
/// Stands for a Python object of a known class, of which nothing but its attributes is kept. No code of the class is
/// run.
/// </summary>
/// <param name="type">The class, or the function that made it.</param>
internal sealed class PickleObject(PickleGlobal type)
{
    /// <summary>The attributes, where it has some.</summary>
    public PickleDictionary? State { get; set; }

    /// <summary>Returns the name of the class.</summary>
    public override string ToString() => type.ToString();
}
