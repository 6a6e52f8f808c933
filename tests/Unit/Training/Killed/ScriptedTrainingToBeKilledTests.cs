using System.Diagnostics;
using MLNet.Gpt.Training;

namespace MLNet.Gpt.Tests.Training.Killed;

/// <summary>
/// Training that kills its own process at a chosen moment, after which <see cref="CheckpointFolderTests"/> inspects the
/// folder.
/// </summary>
public class ScriptedTrainingToBeKilledTests
{
    private const string Variable = "MLNET_GPT_SCRIPTED_TRAINING_TO_BE_KILLED";

    /// <summary>
    /// Trains in a separate process, which is killed when the best weights of a step have been written but its
    /// checkpoint has not.
    /// </summary>
    /// <param name="folder">The folder of the checkpoints, of which there is one every 10 steps.</param>
    /// <param name="killedBefore">
    /// What the checkpoint was about to read: <c>weights</c> or, after them, <c>state</c>.
    /// </param>
    /// <param name="atStep">The step.</param>
    internal static async Task Run(string folder, string killedBefore, int atStep)
    {
        using var process = ChildTestRun.Start(
            typeof(ScriptedTrainingToBeKilledTests).Namespace!,
            (Variable, FormattableString.Invariant($"{killedBefore} {atStep} {folder}")));
        await process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromMinutes(2));
        Assert.NotEqual(0, process.ExitCode);
    }

    [Fact]
    public void It_trains()
    {
        string[]? asked = Environment.GetEnvironmentVariable(Variable)?.Split(' ', 3);
        Assert.SkipWhen(asked is null, "This is asked in a process of its own only.");
        string best = Path.Combine(asked[2], $"best-{asked[1]}");
        Action kill = () =>
        {
            if (Directory.Exists(best)) Process.GetCurrentProcess().Kill(); // SIGKILL: nothing of the process runs after it
        };
        var engine = new ScriptedEngine
        {
            Loss = updates => 50 - updates, OnWeights = asked[0] == "weights" ? kill : null,
            OnCapture = asked[0] == "state" ? kill : null,
        };
        var options = CheckpointFolderTests.Options(asked[2], steps: 50, ExistingCheckpoints.Refuse, interval: 10, keep: 3);
        using var loop = new TrainingLoop(engine, CheckpointFolderTests.Data(), options, null, TestContext.Current.CancellationToken);
        loop.Run();
    }
}
