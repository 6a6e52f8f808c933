using MLNet.Gpt.Tests.Formats.Importing;

namespace MLNet.Gpt.Tests.Formats.Hostile;

/// <summary>Damage that a reader once mishandled, found by <see cref="HostileFileTests"/>.</summary>
public class FindingsTests
{
    [Theory]
    [InlineData("TensorFlow", 421)] // a file name with a character that is invalid in paths caused an ArgumentException
    // The head became a second name of the embedding, whose own bytes then were unused; it was accepted as a tied
    // model.
    [InlineData("PyTorch zip", 1_053_118)]
    // Embedding and head became views of the first 3 of 40 rows: a model of 3 ids, as a program could have saved it.
    [InlineData("PyTorch views", 1_105_898)]
    public void A_seed_that_once_failed(string reader, int seed)
    {
        using var attack = new Attack(Victims.All[reader]);
        attack.Run(seed);
    }

    [Theory]
    [InlineData("model_checkpoint_path: \"model\0ckpt\"\n")] // caused an ArgumentException, because the character is invalid in paths
    [InlineData("model_checkpoint_path: \"..\"\n")]
    [InlineData("model_checkpoint_path: \"/\"\n")]
    [InlineData("model_checkpoint_path: \"\"\n")]
    [InlineData("model_checkpoint_path: \"model.ckpt")]
    [InlineData("all_model_checkpoint_paths: \"model.ckpt\"\n")]
    [InlineData("\xFF\xFE")]
    public void A_checkpoint_name_that_is_not_a_file(string state)
    {
        using var directory = new TemporaryDirectory();
        foreach (string file in Directory.GetFiles(ModelFixtures.Path("openai")))
        {
            File.Copy(file, Path.Combine(directory.Path, Path.GetFileName(file)));
        }

        File.WriteAllText(Path.Combine(directory.Path, "checkpoint"), state);
        var error = Assert.ThrowsAny<Exception>(() => GptModelFile.Open(directory.Path).Dispose());
        Assert.True(error is InvalidDataException or IOException, error.ToString());
        Assert.Contains(directory.Path, error.Message, StringComparison.Ordinal);
    }
}
