using System.Text;
using MimeKit;
using MimeKit.Text;

namespace MLNet.Gpt.Samples.MakeMails;

/// <summary>What is used of a message: the group that it comes from, its plain text, and the people whom it names.</summary>
internal sealed record RawMail(string Group, string Subject, string Body, MailboxAddress[] People)
{
    private const int LongestBody = 20_000;

    private static readonly string[] Groups = ["easy-ham-1", "easy-ham-2", "hard-ham-1", "spam-1", "spam-2"];

    // Elements that begin a line, and those whose text is not shown.
    private static readonly HashSet<HtmlTagId> Blocks =
    [
        HtmlTagId.Br, HtmlTagId.P, HtmlTagId.Div, HtmlTagId.TR, HtmlTagId.Table, HtmlTagId.LI, HtmlTagId.H1, HtmlTagId.H2,
        HtmlTagId.H3, HtmlTagId.H4, HtmlTagId.HR, HtmlTagId.Center, HtmlTagId.BlockQuote,
    ];

    private static readonly HashSet<HtmlTagId> Hidden = [HtmlTagId.Script, HtmlTagId.Style, HtmlTagId.Title];

    public static List<RawMail> ReadAll(string folder)
    {
        Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);
        var mails = new List<RawMail>();
        foreach (string group in Groups)
        {
            foreach (string path in Directory.GetFiles(Path.Combine(folder, group), "*.txt").Order(StringComparer.Ordinal))
            {
                try
                {
                    mails.Add(Of(group, MimeMessage.Load(path)));
                }
                catch (FormatException)
                {
                    // What is not a message is left out.
                }
            }
        }

        return mails;
    }

    private static RawMail Of(string group, MimeMessage message)
    {
        string body = message.TextBody is { Length: > 0 } text && !text.Contains("<html", StringComparison.OrdinalIgnoreCase)
            ? text
            : TextOf(message.HtmlBody ?? message.TextBody ?? string.Empty);
        MailboxAddress[] people =
        [
            .. message.From.Mailboxes.Concat(message.To.Mailboxes).Concat(message.Cc.Mailboxes).Concat(message.ReplyTo.Mailboxes),
        ];
        return new(group, message.Subject ?? string.Empty, body.Length > LongestBody ? body[..LongestBody] : body, people);
    }

    private static string TextOf(string html)
    {
        var text = new StringBuilder();
        var tokenizer = new HtmlTokenizer(new StringReader(html)) { DecodeCharacterReferences = true };
        int hidden = 0;
        while (tokenizer.ReadNextToken(out var token))
        {
            if (token is HtmlTagToken tag)
            {
                if (Hidden.Contains(tag.Id) && !tag.IsEmptyElement) hidden = tag.IsEndTag ? 0 : 1;
                text.Append(Blocks.Contains(tag.Id) ? '\n' : tag.Id is HtmlTagId.TD or HtmlTagId.TH ? ' ' : null);
            }
            else if (token.Kind == HtmlTokenKind.Data && hidden == 0)
            {
                text.Append(((HtmlDataToken)token).Data.ReplaceLineEndings(" "));
            }
        }

        return text.ToString();
    }
}
