namespace MLNet.Gpt.Benchmarks.Measurement;

/// <summary>One way to do some work.</summary>
/// <param name="Name">Its name in the table.</param>
/// <param name="Work">Amount of work in one run, in the comparison's unit.</param>
/// <param name="Run">Does the work once.</param>
internal sealed record Contender(string Name, double Work, Action Run);
