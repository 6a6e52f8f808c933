using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using MimeKit;

namespace MLNet.Gpt.Samples.MakeMails;

/// <summary>
/// Turns a message into one line of plain English: without headers, quotations, signatures and the footers of mailing
/// lists, which would give the label away, with personal details masked, and shortened.
/// </summary>
internal sealed partial class MailCleaner
{
    private const int LongestText = 480, FewestLetters = 60;

    // A name is masked if it is mostly written with a capital letter, so that "Will" and "Mark" remain words.
    private const double MostInLowerCase = 0.1;

    private readonly HashSet<string> _names, _firstNames;

    /// <param name="mails">The mails from whose headers the names of people are taken.</param>
    public MailCleaner(IReadOnlyList<RawMail> mails)
    {
        var lower = Count(mails, LowerWords());
        var upper = Count(mails, CapitalWords());
        HashSet<string> hosts =
        [
            .. mails.SelectMany(mail => mail.People).SelectMany(person => person.Address.ToLowerInvariant().Split('@')[^1].Split('.')),
        ];
        _firstNames =
        [
            .. mails.Where(mail => !mail.Group.StartsWith("spam", StringComparison.Ordinal)).SelectMany(mail => mail.People)
                .SelectMany(person => NamesOf(person).Take(1)),
        ];
        _names =
        [
            .. mails.SelectMany(mail => mail.People)
                .SelectMany(NamesOf)
                .Where(word => word.Length > 2 && !hosts.Contains(word) && !NotNames.Contains(word))
                .Where(word => lower.GetValueOrDefault(word)
                    <= MostInLowerCase * (lower.GetValueOrDefault(word) + upper.GetValueOrDefault(word))),
        ];
    }

    // What display names consist of that are not those of people.
    private static readonly HashSet<string> NotNames =
    [
        "linux", "internet", "english", "american", "america", "usa", "ireland", "irish", "monday", "tuesday", "wednesday",
        "thursday", "friday", "saturday", "sunday", "january", "february", "march", "april", "june", "july", "august",
        "september", "october", "november", "december", "windows", "java", "perl", "python", "unix",
        "hat", "mon", "tue", "wed", "thu", "fri", "sat", "sun", "bulk", "bulker",
    ];

    /// <summary>Returns the text of a mail, or <see langword="null"/> if it is of no use.</summary>
    public string? Clean(RawMail mail)
    {
        if (mail.People.Any(person => person.Address.StartsWith("rssfeeds", StringComparison.Ordinal))) return null; // news
        string body = mail.Body.ReplaceLineEndings("\n");
        body = Attributions().Replace(body, string.Empty);
        body = Advertisements().Replace(body, "\n");
        if (Ends().Match(body) is { Success: true } end) body = body[..end.Index];
        body = string.Join('\n', body.Split('\n').Where(line => !Quotations().IsMatch(line)));
        string subject = SubjectTags().Replace(mail.Subject, " ").Trim();
        string text = Tags().Replace(Ascii($"{subject} | {body}", out double lost), " ");
        if (lost > 0.02 || Unwanted().IsMatch(text) || !IsEnglish(text)) return null;

        text = Closings().Replace(text, "$1 NAME\n");
        text = Addresses().Replace(text, "EMAIL");
        text = Links().Replace(text, "URL");
        text = Greetings().Replace(text, "$1 NAME");
        text = Titles().Replace(text, "$1 NAME");
        text = Streets().Replace(text, "ADDRESS");
        text = Numbers().Replace(text, match => match.Value.Count(char.IsAsciiDigit) >= 5 ? "NUMBER" : match.Value);
        text = Words().Replace(text, match => _names.Contains(match.Value.ToLowerInvariant()) ? "NAME" : match.Value);
        text = FullNames().Replace(text, match => _firstNames.Contains(match.Groups[1].Value.ToLowerInvariant()) ? "NAME" : match.Value);
        text = Introductions().Replace(text, "$1 NAME");
        text = Surnames().Replace(text, "NAME");
        text = Repeated().Replace(text, "$1");
        text = Rubbish().Replace(text, " ").Replace('"', '\'');
        text = Spaces().Replace(text, " ").Trim();
        if (text.Length > LongestText) text = text[..text.LastIndexOf(' ', LongestText)];
        return text.Count(char.IsAsciiLetter) >= FewestLetters ? text : null;
    }

    // The words of a person's name, and those of any name that the address contains, too.
    private static IEnumerable<string> NamesOf(MailboxAddress person)
    {
        string name = person.Name ?? string.Empty, user = person.Address.Split('@')[0];
        return PersonName().Match(name) is { Success: true } match
            ? match.Groups["word"].Captures.Select(word => word.Value.ToLowerInvariant())
            : Words().Matches(name).Select(word => word.Value.ToLowerInvariant())
                .Where(word => user.Contains(word, StringComparison.OrdinalIgnoreCase));
    }

    private static Dictionary<string, int> Count(IReadOnlyList<RawMail> mails, Regex words) =>
        mails.SelectMany(mail => words.Matches(mail.Body).Select(match => match.Value.ToLowerInvariant()))
            .CountBy(word => word).ToDictionary();

    // A word in twenty is one of the most common.
    private static bool IsEnglish(string text) => LowerWords().Count(text) <= 20 * CommonWords().Count(text);

    // Removes accents, and counts what is lost because it has no counterpart in ASCII.
    private static string Ascii(string text, out double lost)
    {
        var result = new StringBuilder(text.Length);
        int others = 0;
        foreach (char letter in text.Normalize(NormalizationForm.FormKD))
        {
            char plain = letter switch
            {
                '‘' or '’' or '´' => '\'',
                '“' or '”' or '«' or '»' => '"',
                '–' or '—' => '-',
                '\u00A0' or '\t' => ' ',
                '•' or '·' => '*',
                _ => letter,
            };
            if (plain is '\n' or (>= ' ' and <= '~')) result.Append(plain);
            else if (char.GetUnicodeCategory(plain) != UnicodeCategory.NonSpacingMark) others++;
        }

        lost = (double)others / Math.Max(1, text.Length);
        return result.ToString();
    }

    [GeneratedRegex(@"(?<![\w.@/-])[a-z]{3,}(?![\w.@/-])")]
    private static partial Regex LowerWords();

    [GeneratedRegex(@"(?<![\w.@/-])[A-Z][a-z]{2,}(?![\w@/-])")]
    private static partial Regex CapitalWords();

    [GeneratedRegex(@"\b[A-Z][A-Za-z]{2,}\b")]
    private static partial Regex Words();

    // Two or three words with capital letters, perhaps with an initial or a comma in between.
    [GeneratedRegex(@"^(?<word>[A-Z][a-z'-]+),?(?: [A-Z]\.?)?(?: (?<word>[A-Z][A-Za-z'-]+)){1,2}$")]
    private static partial Regex PersonName();

    [GeneratedRegex(@"\[[^\]]*\]|\b(?:re|fwd?|aw|sv)\s*(?:\[\d+\])?\s*:|\(fwd\)|\*+\s*spam\s*\*+", RegexOptions.IgnoreCase)]
    private static partial Regex SubjectTags();

    // "On Monday, … wrote:", on one line or two.
    [GeneratedRegex(
        @"^[^\n]{0,120}(?:\n[^\n]{0,120})?\b(?:wrote|writes|said|escribió"
        + @"|schrieb)\s*(?:on [^\n]{0,60})?:?[ ]*\n(?=\s*(?:>|\|))|^(?:On|At|In"
        + @"|Quoting)\b[^\n]{0,150}(?:\n[^\n]{0,120})?(?:wrote|writes|said):",
        RegexOptions.Multiline)]
    private static partial Regex Attributions();

    [GeneratedRegex(
        @"-+ ?Yahoo! Groups Sponsor.*?-{20,}.*?$|^-{20,}\s*\n(?:This (?:sf\.net|SF\.net|sf\.NET)[^\n]*)\n(?:[^\n]+\n){0,6}",
        RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Advertisements();

    // A signature, the footer of a list, or the mail that is answered or forwarded.
    [GeneratedRegex(
        @"^-- ?$|^_{30,}\s*\n(?=(?:.*\n){0,3}.*(?:mailing list|URL|http))|^-{5} ?BEGIN PGP SIG"
        + @"|^-+ ?(?:Original|Forwarded) Message|^-{10,}\s*\n.*(?:sf\.net|mailing list|unsubscribe)"
        + @"|This sf\.net email is|^.*Spamassassin-\w+ mailing list|^Irish Linux Users' Group"
        + @"|^To unsubscribe from this group|^Your use of Yahoo",
        RegexOptions.Multiline | RegexOptions.IgnoreCase)]
    private static partial Regex Ends();

    [GeneratedRegex(
        @"^\s*(?:[A-Za-z]{0,4}>|SPAM:|\||:)|^\s*(?:From|To|Cc|Date|Sent|Subject|Reply-To|Message-ID|Content-[\w-]+"
        + @"|Hash|Delivered-To|Received)\s*:|^-----BEGIN PGP SIGNED|\b(?:wrote|writes):\s*$",
        RegexOptions.IgnoreCase)]
    private static partial Regex Quotations();

    [GeneratedRegex(@"</?[A-Za-z][^<>]{0,500}>")]
    private static partial Regex Tags();

    [GeneratedRegex(@"\b(?:the|and|you|your|for|this|that|with|have|not|are)\b", RegexOptions.IgnoreCase)]
    private static partial Regex CommonWords();

    // What a sample has no need to show.
    [GeneratedRegex(
        @"\b(?:f\*\w+|porn\w*|xxx\w*|sex\w*|teens?|nude\w*|naked|penis|vagina\w*|cock\w*|pussy|cum|cumm?ing|orgasm\w*"
        + @"|erect\w*|horny|slut\w*|whore\w*|fuck\w*|shit\w*|cunt\w*|nigger\w*|faggot\w*|rape\w*|incest"
        + @"|bestiality|adult|breasts?|lesbian\w*|gay|viagra|mastur\w*|lolita\w*|hardcore|webcams?|asshole\w*"
        + @"|bitch\w*|jews?|jewish|muslims?|islam\w*|bullshit|retard\w*)\b",
        RegexOptions.IgnoreCase)]
    private static partial Regex Unwanted();

    [GeneratedRegex(
        @"\b(regards|cheers|thanks|thank you|sincerely|yours(?: truly| faithfully| sincerely)?|best wishes|bye"
        + @"|love|greetings|later|take care)\s*[,.!]*[ ]*\n\s*[^\n]{1,50}(?:\n|$)",
        RegexOptions.IgnoreCase)]
    private static partial Regex Closings();

    [GeneratedRegex(
        @"(?:mailto:)?[\w.+%=-]+ ?@ ?[\w-]+(?:\.[\w-]+)*|\b\w+(?: at | ?\[at\] ?| ?\(at\) ?)\w+(?: dot "
        + @"| ?\[dot\] ?|\.)\w{2,3}\b", RegexOptions.IgnoreCase)]
    private static partial Regex Addresses();

    [GeneratedRegex(
        @"\b(?:https?|ftp|mailto|news|irc):/*[^\s<>]+|\bwww\.[^\s<>]+"
        + @"|\b[\w-]+(?:\.[\w-]+)*\.[a-z]{2,4}\b(?:[/:?][^\s<>]*)?|\b[A-Z0-9-]+(?:\.[A-Z0-9-]+)*\.(?:COM|NET"
        + @"|ORG)\b|\b\d{1,3}(?:\.\d{1,3}){3}\b")]
    private static partial Regex Links();

    [GeneratedRegex(
        @"\b(Hi|Hello|Hey|Dear|HI|HELLO|DEAR)\s+(?!Sir|Madam|Friend|All|There|Home|Cust|Mem|Sub|Busi|Consu"
        + @"|Inter|Fut|Valu|SIR|MADAM|FRIEND)[A-Z][A-Za-z]+(?:\s[A-Z][a-z]+)?")]
    private static partial Regex Greetings();

    [GeneratedRegex(
        @"\b(Mrs?|Ms|Dr|Prof|Engr|Barrister|Barr|Prince|Chief|Gen|General|President|MRS?|DR|ENGR|BARRISTER"
        + @"|CHIEF|PRINCE|GENERAL|PRESIDENT)\b\.?(?:\s+[A-Z][A-Za-z.]*){1,4}")]
    private static partial Regex Titles();

    [GeneratedRegex(
        @"\b\d{1,5}\s+(?:[NSEW]\.?\s+)?(?:[A-Z0-9][\w.']*\s+){1,4}(?:Street|St|Avenue|Ave|Road|Rd|Boulevard"
        + @"|Blvd|Drive|Dr|Lane|Ln|Way|Court|Ct|Place|Pl|Highway|Hwy|Parkway|Pkwy|Square|Terrace|Suite"
        + @"|Ste)\b\.?(?:,?\s*(?:Suite|Ste|Apt|Unit|#)\.?\s*#?\w+)?|\bP\.?\s?O\.?\s?B(?:ox|OX)\.?\s+\w+",
        RegexOptions.IgnoreCase)]
    private static partial Regex Streets();

    // Telephone numbers, account numbers, postal codes, keys.
    [GeneratedRegex(@"(?<![$\d,.])\+?\(?\d[\d\s()./+-]{3,}\d(?![\d,])|\b1-8\d\d-[\w-]+|\b[0-9A-F]{8,}\b")]
    private static partial Regex Numbers();

    [GeneratedRegex(@"\b((?i:my name is|i am|i'm|this is))\s+[A-Z][a-z]+(?:\s+[A-Z]\.)?\s+[A-Z][a-z]+|\b((?i:my name is))\s+[A-Z][a-z]+")]
    private static partial Regex Introductions();

    [GeneratedRegex(@"\b([A-Z][a-z]{2,})(?: [A-Z]\.)? [A-Z][a-z]+\b")]
    private static partial Regex FullNames();

    [GeneratedRegex(@"\bNAME(?:\s+(?:(?:van|von|de|der|den)\s+)*(?:[A-Z]\.|[A-Z][a-z]+\b))+")]
    private static partial Regex Surnames();

    [GeneratedRegex(@"\b(NAME|URL|EMAIL|NUMBER|ADDRESS)(?:(?:[\s,/&.]|\b[A-Z]\.)+\1\b)+")]
    private static partial Regex Repeated();

    // Lines drawn with signs, and words that nobody writes.
    [GeneratedRegex(@"[^\w\s]{4,}|\S{40,}|[<>]")]
    private static partial Regex Rubbish();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
