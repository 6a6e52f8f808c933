namespace MLNet.Gpt.PesterHost.Engines;

/// <summary>How a test ended.</summary>
/// <param name="Path">The names from the outermost block to the test.</param>
/// <param name="Failure">What failed and where, or <see langword="null"/>.</param>
/// <param name="SkipReason">Why it did not run, or <see langword="null"/>.</param>
internal sealed record PesterOutcome(string Path, string? Failure, string? SkipReason);
