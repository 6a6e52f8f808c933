using System.Text.Json;

namespace MLNet.Gpt.Evaluation.Tasks;

/// <summary>This library's own layout of questions; see <see cref="TaskLayout.Questions"/>.</summary>
internal static class QuestionLines
{
    /// <exception cref="FormatException">A field is missing or wrong.</exception>
    public static TaskQuestion Read(QuestionReader line)
    {
        string name = line.Name("name");
        if (line.Has("document")) return TaskQuestion.OfText(line.Text("document"), name);
        if (line.Has("good") || line.Has("bad")) return TaskQuestion.MinimalPair(line.Text("good"), line.Text("bad"), name);
        if (line.Has("contexts"))
        {
            string[] contexts = line.Texts("contexts");
            return TaskQuestion.SameContinuation(contexts, line.Text("continuation"), line.Answer("answer", contexts.Length), name);
        }

        if (line.Has("continuation")) return TaskQuestion.Completion(line.Text("context"), line.Text("continuation"), name);
        string[] choices = line.Texts("choices");
        string delimiter = line.Has("delimiter") ? line.Text("delimiter") : " ";
        return TaskQuestion.MultipleChoice(line.Text("context"), choices, line.Answer("answer", choices.Length), name, delimiter);
    }

    /// <exception cref="ArgumentException">The question has a shape that the layout cannot express.</exception>
    public static void Write(Utf8JsonWriter json, TaskQuestion question)
    {
        var (choices, first) = (question.Choices, question.Choices[0]);
        if (question.Name.Length > 0) json.WriteString("name", question.Name);
        if (question.Kind == TaskKind.Text)
        {
            json.WriteString("document", first.Text);
            return;
        }

        if (question.Kind == TaskKind.Completion)
        {
            json.WriteString("context", first.Context);
            json.WriteString("continuation", first.Continuation);
            return;
        }

        if (choices.All(choice => choice.Context == first.Context) && DelimiterOf(choices) is { } delimiter)
        {
            bool isPair = first.Context.Length == 0 && delimiter == " " && choices.Count == 2 && question.Answer == 0;
            if (isPair)
            {
                json.WriteString("good", first.Text);
                json.WriteString("bad", choices[1].Text);
                return;
            }

            json.WriteString("context", first.Context);
            if (delimiter != " ") json.WriteString("delimiter", delimiter);
            Write("choices", choice => choice.Text);
        }
        else if (choices.All(choice => choice.Continuation == first.Continuation && choice.Text == choice.Context))
        {
            Write("contexts", choice => choice.Context);
            json.WriteString("continuation", first.Continuation);
        }
        else
        {
            throw new ArgumentException(
                $"Question '{question}' cannot be written: its choices have neither the same context nor the same continuation.",
                nameof(question));
        }

        if (question.Answer is { } answer) json.WriteNumber("answer", answer);

        void Write(string field, Func<TaskChoice, string> text)
        {
            json.WriteStartArray(field);
            foreach (var choice in choices) json.WriteStringValue(text(choice));
            json.WriteEndArray();
        }
    }

    // What comes before the text in the continuation of every choice; null if that differs.
    private static string? DelimiterOf(IReadOnlyList<TaskChoice> choices)
    {
        string? delimiter = null;
        foreach (var choice in choices)
        {
            if (!choice.Continuation.EndsWith(choice.Text, StringComparison.Ordinal)) return null;
            string own = choice.Continuation[..^choice.Text.Length];
            if (own != (delimiter ??= own)) return null;
        }

        return delimiter;
    }
}
