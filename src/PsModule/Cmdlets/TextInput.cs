namespace MLNetGpt.Cmdlets;

/// <summary>One text to work on.</summary>
/// <param name="Text">The text.</param>
/// <param name="Source">The file it came from, or <see langword="null"/>.</param>
public sealed record TextInput(string Text, string? Source);
