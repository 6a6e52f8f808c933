using MLNet.Gpt.Checkpoints;
using MLNet.Gpt.Tests.Checkpoints.Importing;
using MLNet.Gpt.Tests.Runtime;

namespace MLNet.Gpt.Tests.Checkpoints.Hostile;

/// <summary>Damage that a reader once took badly: found by <see cref="HostileFileTests"/>, and kept by what it was.</summary>
public class FindingsTests
{
    [Theory]
    [InlineData("model_checkpoint_path: \"model\0ckpt\"\n")] // Ended in ArgumentException: no path has the character.
    [InlineData("model_checkpoint_path: \"..\"\n")]
    [InlineData("model_checkpoint_path: \"/\"\n")]
    [InlineData("model_checkpoint_path: \"\"\n")]
    [InlineData("model_checkpoint_path: \"model.ckpt")]
    [InlineData("all_model_checkpoint_paths: \"model.ckpt\"\n")]
    [InlineData("\xFF\xFE")]
    public void A_checkpoint_name_that_is_no_file(string state)
    {
        using var directory = new TemporaryDirectory();
        foreach (string file in Directory.GetFiles(ModelFixtures.Path("openai"))) File.Copy(file, Path.Combine(directory.Path, Path.GetFileName(file)));
        File.WriteAllText(Path.Combine(directory.Path, "checkpoint"), state);
        var error = Assert.ThrowsAny<Exception>(() => GptModelFile.Open(directory.Path).Dispose());
        Assert.True(error is InvalidDataException or IOException, error.ToString());
        Assert.Contains(directory.Path, error.Message, StringComparison.Ordinal);
    }
}
