using System.IO.Compression;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNet.Gpt.Tests.Pipelines;

/// <summary>Pipelines in which several transformers share a model.</summary>
public sealed class SharedModelTests : IDisposable
{
    private readonly MLContext _ml = new(seed: 1);
    private readonly GptModel _one = TinyModels.Create(seed: 1), _other = TinyModels.Create(seed: 2);
    private readonly TemporaryDirectory _folder = new();

    private string File => Path.Combine(_folder.Path, "pipeline.zip");

    public void Dispose()
    {
        _one.Dispose();
        _other.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void A_shared_model_is_saved_and_loaded_once()
    {
        var data = Rows.ToView(_ml, Enumerable.Range(0, 8).Select(i => TinyModels.Text(3 + i, i)));
        var steps = Step(_one, "A.")
            .Append(Step(_other, "B."))
            .Append(Step(_one, "C."))
            .Append(Step(_one, "D."))
            .Append(Step(_other, "E."));
        var pipeline = steps.Fit(data);
        _ml.Model.Save(pipeline, data.Schema, File);

        using (var zip = ZipFile.OpenRead(File)) Assert.Equal(2, zip.Entries.Count(entry => entry.Name == "Model.safetensors"));
        var loaded = new MLContext().Model.Load(File, out _);

        GptModel[] models = [.. ((IEnumerable<ITransformer>)loaded).Cast<GptTransformer>().Select(transformer => transformer.Model)];
        Assert.Equal(5, models.Length);
        Assert.Same(models[0], models[2]);
        Assert.Same(models[0], models[3]);
        Assert.Same(models[1], models[4]);
        Assert.NotSame(models[0], models[1]);
        foreach (string prefix in (string[])["A.", "B.", "C.", "D.", "E."])
        {
            Assert.Equal(Losses(pipeline, prefix), Losses(loaded, prefix));
        }

        double[] Losses(ITransformer transformer, string prefix) =>
            [.. transformer.Transform(data).GetColumn<double>(prefix + "NegativeLogLikelihood")];
    }

    [Fact]
    public void Saving_twice_and_loading_twice_do_not_mix()
    {
        var data = Rows.ToView(_ml, "w1 w2 w3");
        var pipeline = Step(_one, "A.").Append(Step(_one, "B.")).Fit(data);
        string again = Path.Combine(_folder.Path, "again.zip");
        _ml.LanguageModeling.SaveModel(pipeline, data.Schema, File);
        _ml.LanguageModeling.SaveModel(pipeline, data.Schema, again);

        var (first, second) = (Models(File), Models(again));
        Assert.Same(first[0], first[1]);
        Assert.Same(second[0], second[1]);
        Assert.NotSame(first[0], second[0]);
        using var alone = GptModel.Load(File); // one model, however many transformers share it
        Assert.Equal(new TextScorer(_one).Score("w1 w2 w3").Loss.Sum, new TextScorer(alone).Score("w1 w2 w3").Loss.Sum);

        GptModel[] Models(string path) =>
            [.. ((IEnumerable<ITransformer>)_ml.Model.Load(path, out _)).Cast<GptTransformer>().Select(transformer => transformer.Model)];
    }

    [Fact]
    public void A_changed_option_of_a_transformer_that_shares_a_model_is_found()
    {
        var data = Rows.ToView(_ml, "w1 w2 w3");
        _ml.Model.Save(Step(_one, "First.").Append(Step(_one, "Second.")).Fit(data), data.Schema, File);
        using (var archive = ZipFile.Open(File, ZipArchiveMode.Update))
        {
            var key = archive.Entries.Single(entry => entry.Name == "Model.key" && Bytes(entry).AsSpan().IndexOf("Second."u8) >= 0);
            byte[] bytes = Bytes(key);
            bytes[bytes.AsSpan().IndexOf("Second."u8)] = (byte)'s';
            string name = key.FullName;
            key.Delete();
            using var stream = archive.CreateEntry(name).Open();
            stream.Write(bytes);
        }

        var error = Assert.ThrowsAny<Exception>(() => _ml.Model.Load(File, out _));

        Assert.Contains("damaged", error.GetBaseException().Message, StringComparison.Ordinal);

        static byte[] Bytes(ZipArchiveEntry entry)
        {
            using var memory = new MemoryStream();
            using var stream = entry.Open();
            stream.CopyTo(memory);
            return memory.ToArray();
        }
    }

    private GptScoringEstimator Step(GptModel model, string prefix) =>
        _ml.LanguageModeling.FromModel(model, new GptTransformerOptions { Columns = new GptOutputColumns().WithPrefix(prefix) });
}
