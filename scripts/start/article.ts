/** The token of the article, made on jwt.io: HS256 with the secret `foo`, `sub` foo@bar.com. */
export const ARTICLE_TOKEN =
  'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.' +
  'eyJzdWIiOiJmb29AYmFyLmNvbSIsIm5hbWUiOiJBaG1ldCBTb29ybWFsbHkiLCJpYXQiOjE1MTYyMzkwMjJ9.' +
  '8E-X89YnHe6m_jV4Lmyy487VnkCpzuYlsLDceCz4ScU'
