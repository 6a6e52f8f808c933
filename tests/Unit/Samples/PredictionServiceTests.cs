using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.RegularExpressions;
using Microsoft.ML;
using MLNet.Gpt.Extensions;
using MLNet.Gpt.Inference;

namespace MLNet.Gpt.Tests.Samples;

/// <summary>Runs the minimal API as a user does and asks it over HTTP, much and at once.</summary>
public sealed partial class PredictionServiceTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mlnet-gpt-service").FullName;
    private readonly GptModel _model = TinyModels.Create();
    private PredictionPool<Document, Prediction> _pool = null!;
    private Process _service = null!;
    private HttpClient _client = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var ml = new MLContext();
        var empty = ml.Data.LoadFromEnumerable(Array.Empty<Document>());
        var pipeline = ml.LanguageModeling.FromModel(_model, "Text").Fit(empty);
        _pool = new(pipeline, ml);
        string saved = Path.Combine(_folder, "pipeline.zip");
        ml.Model.Save(pipeline, empty.Schema, saved);

        _service = Start("--Pipeline", saved, "--urls", "http://127.0.0.1:0");
        string? address = null;
        while (address is null)
        {
            string line = await _service.StandardOutput.ReadLineAsync(Cancellation) ?? throw new InvalidOperationException(await _service.StandardError.ReadToEndAsync(Cancellation));
            if (Listening().Match(line) is { Success: true } match) address = match.Value;
        }

        _ = _service.StandardOutput.ReadToEndAsync(Cancellation);
        _client = new() { BaseAddress = new(address), Timeout = TimeSpan.FromMinutes(2) };
    }

    public async ValueTask DisposeAsync()
    {
        _service.Kill(entireProcessTree: true);
        await _service.WaitForExitAsync(CancellationToken.None);
        _service.Dispose();
        _client.Dispose();
        _pool.Dispose();
        _model.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Two_hundred_requests_at_once_get_what_each_gets_alone()
    {
        string[] texts = [.. Enumerable.Range(0, 200).Select(i => TinyModels.Text(1 + (i % 20), i))];

        var answers = await Task.WhenAll(texts.Select(Ask));

        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.OK, answer.StatusCode));
        for (int i = 0; i < texts.Length; i++)
        {
            Assert.Equal(_pool.Predict(new() { Text = texts[i] }), await answers[i].Content.ReadFromJsonAsync<Prediction>(Cancellation));
        }
    }

    [Fact]
    public async Task Far_too_many_requests_are_turned_away_with_503_and_the_service_lives_on()
    {
        string text = TinyModels.Text(1000, 1);
        var answers = await Task.WhenAll(Enumerable.Range(0, 700).Select(_ => Ask(text)));

        var byStatus = answers.CountBy(answer => answer.StatusCode).ToDictionary();
        Assert.True(byStatus.GetValueOrDefault(HttpStatusCode.OK) >= 256, string.Join(", ", byStatus));
        Assert.Equal(700, byStatus.GetValueOrDefault(HttpStatusCode.OK) + byStatus.GetValueOrDefault(HttpStatusCode.ServiceUnavailable));
        Assert.Equal(HttpStatusCode.OK, (await Ask("w1 w2")).StatusCode);
    }

    [Fact]
    public async Task Bad_requests_are_answered_with_what_is_wrong()
    {
        var empty = await Ask(" ");
        Assert.Equal(HttpStatusCode.BadRequest, empty.StatusCode);
        Assert.Contains("'text' is empty", await empty.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await Ask(new string('x', 70_000))).StatusCode);
        using var garbage = new StringContent("{", null, "application/json");
        Assert.Equal(HttpStatusCode.BadRequest, (await _client.PostAsync(new Uri("predict", UriKind.Relative), garbage, Cancellation)).StatusCode);
    }

    [Fact]
    public async Task A_missing_pipeline_is_named_before_anything_is_served()
    {
        using var process = Start("--Pipeline", Path.Combine(_folder, "none.zip"));
        string error = await process.StandardError.ReadToEndAsync(Cancellation);
        await process.WaitForExitAsync(Cancellation);

        Assert.Equal(2, process.ExitCode);
        Assert.Contains("none.zip", error, StringComparison.Ordinal);
    }

    private Task<HttpResponseMessage> Ask(string text) => _client.PostAsJsonAsync("predict", new Document { Text = text }, Cancellation);

    private static Process Start(params string[] arguments) => Process.Start(new ProcessStartInfo(SamplePrograms.Find("PredictionService"), arguments)
    {
        RedirectStandardOutput = true, RedirectStandardError = true,
    })!;

    [GeneratedRegex(@"(?<=Now listening on: )http://\S+")]
    private static partial Regex Listening();

    private sealed class Document
    {
        public string Text { get; set; } = string.Empty;
    }

    private sealed record Prediction
    {
        public string PredictedToken { get; set; } = string.Empty;

        public float Probability { get; set; }

        public long TokenCount { get; set; }

        public double NegativeLogLikelihood { get; set; }
    }
}
